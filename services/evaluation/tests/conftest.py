"""The handlers on an in-memory broker, with a real database and a real gRPC peer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
import pytest
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker
from pydantic import SecretStr

from gyre_evaluation.clients.retrieval import Encoder
from gyre_evaluation.evaluating import Evaluator
from gyre_evaluation.handlers import router
from gyre_evaluation.servicer import Servicer
from gyre_evaluation.settings import Settings
from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    Arm,
    Base,
    Event,
    Passage,
    Policy,
    Prompt,
    RolloutChanged,
)
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import (
    EvaluationServiceStub,
    add_EvaluationServiceServicer_to_server,
)
from gyre_rpc.retrieval.v1.retrieval_pb2 import EmbedRequest, EmbedResponse, SearchResponse
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import (
    RetrievalServiceServicer,
    add_RetrievalServiceServicer_to_server,
)
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, open_database
from gyre_service.errors import Unavailable
from gyre_service.kafka import Broker, Table
from gyre_service.kafka.cloudevents import record_key
from gyre_service.kafka.dead_letters import DeadLetterQueue
from gyre_service.rpc import tenant_of

from .client import Client
from .inference import FakeInference, answering, served

Send: TypeAlias = Callable[..., Awaitable[None]]
DIGEST = "a" * 64
CANDIDATE = "b" * 64
JOB = uuid4()


def passage(text: str, **changes: Any) -> Passage:
    fields: dict[str, Any] = {
        "chunk_id": uuid4(),
        "document_id": uuid4(),
        "version": 1,
        "document": "tower.md",
        "text": text,
        "score": 0.7,
    }
    return Passage(**fields | changes)


def answer(**changes: Any) -> AnswerGenerated:
    """Return a right, cited answer to a question about a tower."""
    fields: dict[str, Any] = {
        "answer_id": uuid4(),
        "conversation_id": uuid4(),
        "person": "p-1",
        "route": "default",
        "rollout_id": uuid4(),
        "model": "tiny",
        "base_digest": DIGEST,
        "prompt_digest": DIGEST,
        "question": "When was the tower built?",
        "answer": "The tower was built in 1889 [1].",
        "passages": (passage("The tower was built in 1889."), passage("It has three levels.")),
        "cited": (1,),
        "latency_s": 0.5,
        "cost_usd": 0.01,
    }
    return AnswerGenerated(**fields | changes)


def rollout(stage: str = "steady", policy: Policy | None = None, **changes: Any) -> RolloutChanged:
    """Return a route's desired state; beyond `steady` it has the candidate CANDIDATE."""
    prompt = Prompt(digest=DIGEST, text="Be brief.")
    share = 1_000 if stage == "canary" else 0
    arms = [Arm(name="production", share=10_000 - share, prompt=prompt)]
    if stage != "steady":
        candidate = {"adapter_digest": CANDIDATE, "adapter_uri": "/adapters/b", "job_id": JOB}
        arms.append(Arm(name="candidate", share=share, prompt=prompt, **candidate))
    fields: dict[str, Any] = {
        "route": "default",
        "revision": 3,
        "rollout_id": uuid4(),
        "collection": "default",
        "base": Base(name="tiny", digest=DIGEST),
        "policy": policy or Policy(),
        "arms": tuple(arms),
        "stage": stage,
        "decided_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return RolloutChanged(**fields | changes)


def put(rollouts: Table[RolloutChanged], tenant: str, row: RolloutChanged) -> None:
    rollouts._rows[record_key(tenant, row.key)] = row


class FakeRetrieval(RetrievalServiceServicer):
    """An encoder of two dimensions: how often a text has the letter e, and all others."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []  # tenant, texts
        self.failures = 0  # so many calls fail first
        self.cut = 0  # bytes missing at the end

    async def Search(self, request: Any, context: Any) -> SearchResponse:
        raise AssertionError("evaluation never searches")

    async def Embed(self, request: EmbedRequest, context: Any) -> EmbedResponse:
        self.calls.append((tenant_of(context), list(request.texts)))
        if self.failures:
            self.failures -= 1
            raise Unavailable("the encoder is loading")
        rows = [[text.count("e"), len(text) - text.count("e")] for text in request.texts]
        vectors = np.array(rows, dtype="<f4").tobytes()
        return EmbedResponse(
            encoder="letters",
            encoder_digest=DIGEST,
            dimension=2,
            vectors=vectors[: len(vectors) - self.cut],
        )


@pytest.fixture
def retrieval() -> FakeRetrieval:
    return FakeRetrieval()


@pytest.fixture
async def encoder(retrieval: FakeRetrieval) -> AsyncIterator[Encoder]:
    async with served(retrieval, add_RetrievalServiceServicer_to_server) as channel:
        yield Encoder(channel, timeout_s=5)


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return Settings(home=tmp_path, retry_pauses_s=(0, 0))


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield sessions


@pytest.fixture
def rollouts(settings: Settings) -> Table[RolloutChanged]:
    return Table(settings, RolloutChanged)


@dataclass(frozen=True)
class Published:
    """What a consumer of `answer-scored` sees."""

    key: bytes
    headers: dict[str, str]
    event: AnswerScored

    def values(self) -> dict[str, float]:
        return {score.name: score.value for score in self.event.scores}


def without_hop(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers but for the span, which is another one at every delivery."""
    return {name: value for name, value in headers.items() if name != "traceparent"}


@pytest.fixture
def published() -> list[Published]:
    return []


@pytest.fixture
def parked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect why records are parked."""
    reasons: list[str] = []

    async def park(_: Any, record: Any, error: BaseException, **details: Any) -> None:
        reasons.append(str(error))

    monkeypatch.setattr(DeadLetterQueue, "park", park)
    return reasons


@pytest.fixture
async def broker(
    settings: Settings,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    encoder: Encoder,
    published: list[Published],
) -> AsyncIterator[KafkaBroker]:
    broker = Broker(settings)
    broker.include_router(router)
    for name, value in {
        "settings": settings,
        "sessions": sessions,
        "rollouts": rollouts,
        "encoder": encoder,
        "blobs": Blobs(settings.blob_url),
    }.items():
        broker.context.set_global(name, value)
    consumer = KafkaBroker()

    @consumer.subscriber(AnswerScored.topic)
    async def watch(event: AnswerScored, message: KafkaMessage) -> None:
        key: Any = message.raw_message.key  # type: ignore[union-attr]
        published.append(Published(key, without_hop(message.headers), event))

    async with TestKafkaBroker(broker, consumer):
        yield broker


@pytest.fixture
def send(broker: KafkaBroker) -> Send:
    """Let another service publish an event; keywords replace headers."""

    async def publish(event: Event, **headers: str) -> None:
        envelope = {
            "ce_specversion": "1.0",
            "ce_id": str(getattr(event, "answer_id", uuid4())),
            "ce_source": "/gyre/inference",
            "ce_type": f"gyre.{event.topic}",
            "ce_time": "2026-01-01T00:00:00Z",
            "ce_tenant": "acme",
        }
        body = event.model_dump_json().encode()
        await broker.publish(body, topic=event.topic, headers=envelope | headers)

    return publish


@pytest.fixture
async def evaluator(
    settings: Settings,
    sessions: Sessions,
    inference: FakeInference,
    rollouts: Table[RolloutChanged],
) -> AsyncIterator[Evaluator]:
    settings = settings.model_copy(update={"service_token": SecretStr("token")})
    async with answering(inference) as channel:
        yield Evaluator(settings, sessions, channel, rollouts.get)


@pytest.fixture
async def client(settings: Settings, sessions: Sessions) -> AsyncIterator[Client]:
    settings = settings.model_copy(update={"service_token": SecretStr("token")})
    inference = FakeInference()
    async with answering(inference) as channel:
        servicer = Servicer(settings, sessions, channel)
        async with served(servicer, add_EvaluationServiceServicer_to_server) as ours:
            yield Client(EvaluationServiceStub(ours), inference)
