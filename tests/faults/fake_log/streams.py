"""Histories for the services that accumulate: with events sent twice, and with poison."""

import base64
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar
from uuid import UUID, uuid5

import numpy as np

from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    Arm,
    Base,
    DriftPolicy,
    EmbeddingObserved,
    Encoder,
    Event,
    FeedbackGiven,
    Policy,
    Prompt,
    RetrainingRequested,
    RolloutChanged,
    VerdictRecorded,
)
from gyre_service.kafka.cloudevents import record_key
from tests.contracts.topics import CONTRACTS
from tests.faults.fake_log.log import Headers, Log

E = TypeVar("E", bound=Event)
Sent: TypeAlias = tuple[str, bytes, bytes, Headers]

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
DIMENSION = 16


def example(event: type[E], case: str = "plain", **changes: Any) -> E:
    """Return an event of `contracts/examples`, with other values."""
    value = json.loads((CONTRACTS / "examples" / event.topic / f"{case}.json").read_text())
    return event.model_validate(value | changes)


def named(kind: str, number: int) -> UUID:
    return uuid5(UUID(int=0), f"{kind} {number}")


class Rollouts:
    """Stands for the table of routes: each has references that are soon made."""

    def get(self, _: str, key: str) -> RolloutChanged:
        policy = DriftPolicy(
            reference_events=100, calibration_events=100, score_events=30, false_alarm_events=1_000
        )
        prompt = Prompt(digest="d" * 64, text="Be short.")
        return RolloutChanged(
            route=key,
            revision=1,
            rollout_id=UUID(int=1),
            collection="default",
            base=Base(name="tiny", digest="b" * 64),
            policy=Policy(drift=policy),
            arms=(Arm(name="production", share=10_000, prompt=prompt),),
            decided_at=WHEN,
        )


def of_drift(questions: int, seed: int) -> Iterator[Event]:
    """Yield the questions of two routes, which move to other topics after two thirds.

    With them the scores of every fourth answer, and what a person says of every eighth.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(8, DIMENSION))
    for number in range(questions):
        moved = number > questions * 2 // 3
        vector = centres[rng.integers(4) + 4 * moved] + rng.normal(size=DIMENSION) * 0.4
        route = f"route-{number % 2}"
        answer: dict[str, Any] = {"answer_id": named(f"answer {seed}", number), "route": route}
        yield EmbeddingObserved(
            answer_id=answer["answer_id"],
            route=route,
            purpose="live",
            text=f"question {number}",
            encoder=Encoder(name="tiny", digest="e" * 64, dimension=DIMENSION),
            vector=base64.b64encode((vector / np.linalg.norm(vector)).astype("<f4")).decode(),
        )
        if number % 4 == 0:
            score = {"name": "overlap", "value": float(rng.random() * (0.3 if moved else 1))}
            yield example(AnswerScored, **answer, scores=[score | {"label": "", "explanation": ""}])
        if number % 8 == 0:
            thumb = "down" if moved else "up"
            ids = answer | {"feedback_id": named(f"feedback {seed}", number)}
            when = WHEN + timedelta(seconds=number)
            yield example(VerdictRecorded, **ids, thumb=thumb, decided_at=when)


def of_feedback(answers: int, seed: int) -> Iterator[Event]:
    """Yield answers and what people say of them, some before the answer; then a training."""
    rng = random.Random(seed)
    for number in range(answers):
        answer = example(
            AnswerGenerated,
            answer_id=named(f"answer {seed}", number),
            conversation_id=named(f"talk {seed}", number // 2),
            question=f"How long is the warranty of pump {number}?",
            answer=f"{number} years [1]",
        )
        said = [
            example(
                FeedbackGiven,
                rng.choice(("thumb", "edited")),
                feedback_id=named(f"feedback {seed}", 10 * number + turn),
                answer_id=answer.answer_id,
                person=f"person {rng.randrange(5)}",
            )
            for turn in range(rng.randrange(3))
        ]
        early = rng.random() < 0.3
        yield from said if early else []
        yield answer
        yield from [] if early else said
        if number % 20 == 19:
            yield example(RetrainingRequested, "drift", job_id=named(f"job {seed}", number))


def fill(log: Log, events: Iterator[Event], seed: int) -> set[tuple[str, int, int]]:
    """Append `events`, every tenth later a second time, and every fortieth with poison behind it.

    Returns:
        Where the poison lies: topic, partition, offset.
    """
    rng = random.Random(seed)
    again: list[Sent] = []
    poison = set()
    for number, event in enumerate(events):
        sent = record(event, number, seed)
        log.append(*sent)
        if number % 10 == 0:
            again.append(sent)
        if len(again) > 5:
            log.append(*again.pop(rng.randrange(len(again))))
        if number % 40 == 39:
            topic, key, _, headers = sent
            log.append(topic, key, rng.choice((b"{", b"[]", b"\xff")), headers)
            last = log.of(topic)[-1]
            poison.add((last.topic, last.partition, last.offset))
    return poison


def record(event: Event, number: int, seed: int) -> Sent:
    """Return what another service appends for `event`, under an id of its number and seed."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(named(f"event {seed}", number)),
        "ce_source": "/gyre/test",
        "ce_type": f"gyre.{event.topic}",
        "ce_time": (WHEN + timedelta(seconds=number)).isoformat(),
        "ce_tenant": "acme",
        "content-type": "application/json",
    }
    encoded = [(name, value.encode()) for name, value in headers.items()]
    key = record_key("acme", event.key)
    return event.topic, key, event.model_dump_json().encode(), encoded
