"""The log that `bench-events` has handled: written before, the same for both sides."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from aiokafka import AIOKafkaProducer

from gyre_events import AnswerGenerated, EmbeddingObserved, Event, FeedbackGiven, RolloutChanged
from gyre_local.stack import REPO
from gyre_service.kafka.cloudevents import envelope, record_key

E = TypeVar("E", bound=Event)

TENANT = "default"
ROUTES, PERSONS, TOPICS_ASKED = 4, 500, 12
WARMING = {"reference_events": 200, "calibration_events": 200}  # soon over, and then it watches
DIMENSION, SPREAD = 384, 0.3
AHEAD = 2_000  # sends that may wait for the broker


def events(count: int, seed: int) -> Iterator[Event]:
    """Yield the routes, then what makes both services handle `count` events.

    A quarter each: an answer, what was said of it, its question's embedding, and the verdict
    that feedback makes of it, which drift handles, too.
    """
    rollout = _example(RolloutChanged, "first")
    drift = rollout.policy.drift.model_copy(update=WARMING)
    policy = rollout.policy.model_copy(update={"drift": drift})
    for number in range(ROUTES):
        yield rollout.model_copy(update={"route": f"route-{number}", "policy": policy})
    rng = np.random.default_rng(seed)
    answer, given = _example(AnswerGenerated, "plain"), _example(FeedbackGiven, "thumb")
    observed = _example(EmbeddingObserved, "plain")
    encoder = observed.encoder.model_copy(update={"dimension": DIMENSION})
    centres = rng.normal(size=(TOPICS_ASKED, DIMENSION))
    for number in range(count // 4):
        route = f"route-{number % ROUTES}"
        about = {"answer_id": _id(seed, number, 1), "route": route}
        person = f"person-{int(rng.integers(PERSONS))}"
        vector = centres[rng.integers(TOPICS_ASKED)] + SPREAD * rng.normal(size=DIMENSION)
        text = f"How long is the warranty of the pump {number}?"
        yield answer.model_copy(update=about | {"question": text, "person": person})
        yield observed.model_copy(
            update=about | {"text": text, "encoder": encoder, "vector": _packed(vector)}
        )
        yield given.model_copy(
            update={
                "feedback_id": _id(seed, number, 2),
                "answer_id": about["answer_id"],
                "person": person,
                "thumb": "up" if rng.random() < 0.9 else "down",
            }
        )


async def write(servers: str, count: int, seed: int) -> None:
    """Put the events into Kafka, as fast as it takes them."""
    waiting: set[asyncio.Future[object]] = set()
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for number, event in enumerate(events(count, seed)):
            id = _id(seed, number, 3)
            headers = envelope(event, TENANT, "bench", datetime.now(UTC), id)
            waiting.add(await producer.send(event.topic, **record_of(event, TENANT, headers)))
            if len(waiting) == AHEAD:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)


def record_of(event: Event, tenant: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return value, key and headers of a record, as a producer takes them."""
    named = {**headers, "content-type": "application/json"}
    return {
        "value": event.model_dump_json().encode(),
        "key": record_key(tenant, event.key),
        "headers": [(name, value.encode()) for name, value in named.items()],
    }


def _example(event: type[E], case: str) -> E:
    path = REPO / "contracts" / "examples" / event.topic / f"{case}.json"
    return event.model_validate(json.loads(path.read_text()))


def _id(seed: int, number: int, kind: int) -> UUID:
    return UUID(int=(seed << 96) + (number << 8) + kind)


def _packed(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    unit = (vector / np.linalg.norm(vector)).astype("<f4")
    return base64.b64encode(unit.tobytes()).decode()
