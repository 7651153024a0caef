"""The handlers on an in-memory broker, with a real database and a real blob folder."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker

from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    DatasetFrozen,
    Event,
    ExampleCurated,
    FeedbackGiven,
    Passage,
    RetrainingRequested,
    Score,
    VerdictRecorded,
)
from gyre_events.answers import OfAnswer
from gyre_feedback.app import make_broker
from gyre_feedback.settings import Settings
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, open_database
from gyre_service.kafka.dead_letters import DeadLetterQueue

Send: TypeAlias = Callable[..., Awaitable[None]]
DIGEST = "a" * 64
SENDERS: dict[type[Any], tuple[str, str]] = {
    AnswerGenerated: ("/gyre/inference", "answer_id"),
    AnswerScored: ("/gyre/evaluation", "answer_id"),
    RetrainingRequested: ("/gyre/drift", "job_id"),
}


def answer(**changes: Any) -> AnswerGenerated:
    """Return a cited answer to a question about a pump."""
    passage = Passage(
        chunk_id=uuid4(),
        document_id=uuid4(),
        version=1,
        document="pump.md",
        text="The pump has a warranty of 3 years.",
        score=0.7,
    )
    fields: dict[str, Any] = {
        "answer_id": uuid4(),
        "conversation_id": uuid4(),
        "person": "asker",
        "route": "default",
        "rollout_id": uuid4(),
        "model": "tiny",
        "base_digest": DIGEST,
        "prompt_digest": DIGEST,
        "question": "How long is the warranty?",
        "answer": "3 years [1]",
        "passages": (passage,),
        "cited": (1,),
        "completion_tokens": 4,
        "latency_s": 0.5,
        "cost_usd": 0.01,
    }
    return AnswerGenerated(**fields | changes)


def scored(answer: AnswerGenerated, **changes: Any) -> AnswerScored:
    """Return the scores of an answer; without changes they are good."""
    shared = {name: getattr(answer, name) for name in OfAnswer.model_fields}
    scores = (Score(name="citation_valid", value=1), Score(name="groundedness_overlap", value=0.9))
    return AnswerScored(**shared | {"judge": "rules", "scores": scores} | changes)


def feedback(answer: AnswerGenerated, **said: Any) -> FeedbackGiven:
    fields = {"feedback_id": uuid4(), "answer_id": answer.answer_id, "person": "ada"}
    return FeedbackGiven(**fields | (said or {"thumb": "up"}))


@dataclass(frozen=True)
class Seen:
    """What a consumer of our topics sees."""

    key: bytes
    headers: dict[str, str]
    event: VerdictRecorded | ExampleCurated | DatasetFrozen

    @property
    def id(self) -> str:
        return self.headers["ce_id"]


def without_hop(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers but for the span, which is another one at every delivery."""
    return {name: value for name, value in headers.items() if name != "traceparent"}


class Published(list[Seen]):
    """Everything published, in order."""

    @property
    def verdicts(self) -> list[VerdictRecorded]:
        return [seen.event for seen in self if isinstance(seen.event, VerdictRecorded)]

    @property
    def examples(self) -> list[ExampleCurated]:
        return [seen.event for seen in self if isinstance(seen.event, ExampleCurated)]

    @property
    def frozen(self) -> list[DatasetFrozen]:
        return [seen.event for seen in self if isinstance(seen.event, DatasetFrozen)]

    @property
    def facts(self) -> list[tuple[str, bytes, Event]]:
        """What a consumer that knows every id once would keep."""
        return list({seen.id: (seen.id, seen.key, seen.event) for seen in self}.values())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, retry_pauses_s=(0, 0), ingress_tenants=("umbrella", "shop"))


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield sessions


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def parked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect why records are parked."""
    reasons: list[str] = []

    async def park(_: Any, record: Any, error: BaseException, **details: Any) -> None:
        reasons.append(str(error))

    monkeypatch.setattr(DeadLetterQueue, "park", park)
    return reasons


@pytest.fixture
def blob(settings: Settings) -> Callable[[str], Any]:
    """Read the JSON that lies under a digest."""

    def read(digest: str) -> Any:
        return json.loads((Path(settings.blob_url) / digest[:2] / digest).read_bytes())

    return read


@pytest.fixture
async def broker(
    settings: Settings, sessions: Sessions, published: Published
) -> AsyncIterator[KafkaBroker]:
    broker = make_broker(settings)
    blobs = Blobs(settings.blob_url)
    for name, value in {"settings": settings, "sessions": sessions, "blobs": blobs}.items():
        broker.context.set_global(name, value)
    consumer = KafkaBroker()

    @consumer.subscriber(VerdictRecorded.topic)
    async def verdict(event: VerdictRecorded, message: KafkaMessage) -> None:
        key: Any = message.raw_message.key  # type: ignore[union-attr]
        published.append(Seen(key, without_hop(message.headers), event))

    @consumer.subscriber(ExampleCurated.topic)
    async def example(event: ExampleCurated, message: KafkaMessage) -> None:
        key: Any = message.raw_message.key  # type: ignore[union-attr]
        published.append(Seen(key, without_hop(message.headers), event))

    @consumer.subscriber(DatasetFrozen.topic)
    async def frozen(event: DatasetFrozen, message: KafkaMessage) -> None:
        key: Any = message.raw_message.key  # type: ignore[union-attr]
        published.append(Seen(key, without_hop(message.headers), event))

    async with TestKafkaBroker(broker, consumer):
        yield broker


@pytest.fixture
def send(broker: KafkaBroker) -> Send:
    """Publish an event, or raw bytes, as others do; keywords replace headers, None drops one."""

    async def publish(
        event: Event | bytes, topic: str | None = None, **headers: str | None
    ) -> None:
        base = event.topic if isinstance(event, Event) else FeedbackGiven.topic
        source, id_field = SENDERS.get(type(event), ("/shop/reviews", "feedback_id"))
        envelope: dict[str, str | None] = {
            "ce_specversion": "1.0",
            "ce_id": f"event-{getattr(event, id_field, 'raw')}",
            "ce_source": source,
            "ce_type": f"gyre.{base}",
            "ce_time": "2026-01-01T00:00:00Z",
            "ce_tenant": "acme",
            "content-type": "application/json",
        }
        body = event if isinstance(event, bytes) else event.model_dump_json().encode()
        kept = {name: text for name, text in (envelope | headers).items() if text is not None}
        appended_ms = None
        with suppress(KeyError, ValueError):
            appended_ms = int(datetime.fromisoformat(kept["ce_time"]).timestamp() * 1000)
        await broker.publish(body, topic=topic or base, headers=kept, timestamp_ms=appended_ms)

    return publish
