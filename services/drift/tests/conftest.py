"""The handlers on an in-memory broker, with a real database and real detectors."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import numpy as np
import pytest
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker
from numpy.typing import NDArray

from gyre_drift import store
from gyre_drift.desk import Desks
from gyre_drift.handlers import router
from gyre_drift.references import References
from gyre_drift.settings import Settings
from gyre_drift.tables import Stream
from gyre_drift.watching.watch import Watch
from gyre_events import (
    TOPICS,
    AnswerScored,
    Arm,
    Base,
    DriftDetected,
    DriftPolicy,
    EmbeddingObserved,
    Encoder,
    Event,
    Policy,
    Prompt,
    RemedyRequested,
    RetrainingRequested,
    RolloutChanged,
    Score,
    VerdictRecorded,
)
from gyre_service.database import Sessions, open_database, snapshot
from gyre_service.kafka import Broker, Table
from gyre_service.kafka.dead_letters import DeadLetterQueue

DIMENSION = 64
ENCODER = Encoder(name="tiny", digest="e" * 64, dimension=DIMENSION)
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = DriftPolicy(
    reference_events=200, calibration_events=200, score_events=50, false_alarm_events=50_000
)
Send = Callable[..., Awaitable[None]]


class World:
    """Questions about so many topics: unit vectors around the topics' centres."""

    def __init__(self, seed: int, topics: int = 16, draw: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self.centres = self._rng.normal(size=(topics, DIMENSION))
        if draw is not None:  # other questions about the same topics
            self._rng = np.random.default_rng((seed, draw))

    def questions(self, count: int) -> NDArray[np.float32]:
        centres = self.centres[self._rng.integers(len(self.centres), size=count)]
        vectors = centres + self._rng.normal(size=centres.shape) * 0.6
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit.astype("<f4")


class Rollouts:
    """Stands for the table."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], RolloutChanged] = {}

    def get(self, tenant: str, key: str) -> RolloutChanged | None:
        return self.rows.get((tenant, key))

    def put(self, tenant: str, **changes: Any) -> None:
        prompt = Prompt(digest="d" * 64, text="Be short.")
        fields: dict[str, Any] = {
            "route": "default",
            "revision": 1,
            "rollout_id": uuid4(),
            "collection": "default",
            "base": Base(name="tiny", digest="b" * 64),
            "policy": Policy(drift=POLICY),
            "arms": (Arm(name="production", share=10_000, prompt=prompt),),
            "decided_at": WHEN,
        }
        rollout = RolloutChanged(**fields | changes)
        self.rows[tenant, rollout.route] = rollout


@pytest.fixture
def rollouts() -> Rollouts:
    found = Rollouts()
    found.put("default")
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, retry_pauses_s=(0, 0))


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield sessions


def observed(seen: NDArray[np.float32], purpose: str = "live", **changes: Any) -> EmbeddingObserved:
    fields: dict[str, Any] = {
        "answer_id": uuid4(),
        "route": "default",
        "purpose": purpose,
        "text": f"What about {seen[0]:.6f}?",
        "encoder": ENCODER,
        "vector": base64.b64encode(seen.tobytes()).decode(),
    }
    return EmbeddingObserved(**fields | changes)


class Said(list[tuple[str, Event]]):
    """What was published: ids and events, in order."""

    def of(self, topic: str) -> list[Any]:
        """Return the events of a topic, each id once."""
        return list({id: event for id, event in self if event.topic == topic}.values())

    @property
    def alarms(self) -> list[DriftDetected]:
        return self.of(DriftDetected.topic)

    @property
    def remedies(self) -> list[RemedyRequested]:
        return self.of(RemedyRequested.topic)

    @property
    def requests(self) -> list[RetrainingRequested]:
        return self.of(RetrainingRequested.topic)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def parked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect why records are parked."""
    reasons: list[str] = []

    async def park(_: Any, record: Any, error: BaseException, **details: Any) -> None:
        reasons.append(str(error))

    monkeypatch.setattr(DeadLetterQueue, "park", park)
    return reasons


@pytest.fixture
async def send(
    settings: Settings, sessions: Sessions, rollouts: Rollouts, said: Said
) -> AsyncIterator[Send]:
    """Publish an event as others do; events are a second apart."""
    broker = Broker(settings)
    broker.include_router(router)
    table = cast(Table[RolloutChanged], rollouts)
    given = {"sessions": sessions, "desks": Desks(table, References())}
    for name, value in given.items():
        broker.context.set_global(name, value)
    consumer = KafkaBroker()
    number = 0

    @consumer.subscriber(DriftDetected.topic, RemedyRequested.topic, RetrainingRequested.topic)
    async def hear(message: KafkaMessage) -> None:
        topic = message.headers["ce_type"].removeprefix("gyre.")
        event = TOPICS[topic].model_validate_json(message.body)
        said.append((message.headers["ce_id"], event))

    async def publish(
        event: Event,
        tenant: str = "acme",
        id: str | None = None,
        time: datetime | None = None,
        appended: datetime | None = None,
    ) -> None:
        nonlocal number
        number += 1
        at = time or WHEN + timedelta(seconds=number)
        headers = {
            "ce_specversion": "1.0",
            "ce_id": id or str(UUID(int=number)),
            "ce_source": "/gyre/test",
            "ce_type": f"gyre.{event.topic}",
            "ce_time": at.isoformat(),
            "ce_tenant": tenant,
            "content-type": "application/json",
        }
        body = event.model_dump_json().encode()
        there = appended or WHEN + timedelta(seconds=number)
        appended_ms = int(there.timestamp() * 1000)
        await broker.publish(body, topic=event.topic, headers=headers, timestamp_ms=appended_ms)

    async with TestKafkaBroker(broker, consumer):
        yield publish


async def baseline(send: Send, world: World, tenant: str = "acme") -> None:
    for vector in world.questions(POLICY.reference_events + POLICY.calibration_events):
        await send(observed(vector, "baseline"), tenant)


async def live(send: Send, world: World, count: int, tenant: str = "acme") -> None:
    for vector in world.questions(count):
        await send(observed(vector), tenant)


async def stream(sessions: Sessions, tenant: str = "acme") -> Stream:
    async with snapshot(sessions) as session:
        return await session.get_one(Stream, (tenant, "default"))


async def watch_of(sessions: Sessions, tenant: str = "acme") -> Watch:
    row = await stream(sessions, tenant)
    async with snapshot(sessions) as session:
        found = await store.get_watch(session, row)
    assert found is not None
    return found


def about(purpose: str = "live") -> dict[str, Any]:
    return {
        "answer_id": uuid4(),
        "conversation_id": uuid4(),
        "route": "default",
        "purpose": purpose,
        "rollout_id": uuid4(),
        "model": "tiny",
    }


# When the last question of a baseline that is sent first was asked, and just after.
MADE = WHEN + timedelta(seconds=POLICY.reference_events + POLICY.calibration_events)
AFTER = MADE + timedelta(seconds=1)


def verdict(thumb: str | None, purpose: str = "live", at: datetime = AFTER) -> VerdictRecorded:
    fields: dict[str, Any] = about(purpose) | {"thumb": thumb}
    return VerdictRecorded(feedback_id=uuid4(), decided_at=at, **fields)


def scored(value: float, purpose: str = "live") -> AnswerScored:
    score = Score(name="groundedness_overlap", value=value)
    return AnswerScored(judge="rules-v1", scores=(score,), **about(purpose))
