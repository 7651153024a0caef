"""Somebody makes the world look moved: on the real platform that is for a person, and no lesson."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from gyre_events import EmbeddingObserved, Encoder

from ..conftest import Stack, until
from ..faults.harness.sending import send

Vectors: TypeAlias = NDArray[np.floating[Any]]

PAST, USUAL = 400, 100
DIMENSION, TOPICS = 64, 16
POLICY = {"drift": {"reference_events": PAST // 2, "calibration_events": PAST // 2}}


@dataclass(frozen=True)
class Crowd:
    """Who asks about topics that drift knows, and some that it does not."""

    route: str
    rng: np.random.Generator
    known: Vectors
    other: Vectors

    def asks(self, *, new: bool = False, **details: Any) -> EmbeddingObserved:
        """Return a question of somebody."""
        centre = self.rng.choice(self.other if new else self.known)
        return self.says(centre + self.rng.normal(size=DIMENSION) * 0.4, **details)

    def says(self, vector: Vectors, **details: Any) -> EmbeddingObserved:
        """Return the question with a vector."""
        of_unit_length = (vector / np.linalg.norm(vector)).astype("<f4")
        fields: dict[str, Any] = {
            "answer_id": uuid4(),
            "route": self.route,
            "purpose": "live",
            "text": "a question",
            "encoder": Encoder(name="tiny", digest="e" * 64, dimension=DIMENSION),
            "vector": base64.b64encode(of_unit_length.tobytes()).decode(),
            "person": f"p{self.rng.integers(200)}",
        }
        return EmbeddingObserved(**fields | details)


def burst(crowd: Crowd) -> Iterator[EmbeddingObserved]:
    """Sixty that say nearly the same, in a minute."""
    first = crowd.other[0]
    for _ in range(60):
        yield crowd.says(first + crowd.rng.normal(size=DIMENSION) * 0.02)


def one_person(crowd: Crowd) -> Iterator[EmbeddingObserved]:
    """Somebody who asks four of ten questions, about things of their own."""
    for _ in range(260):
        mine = crowd.rng.random() < 0.4
        yield crowd.asks(new=True, person="ada") if mine else crowd.asks()


def injections(crowd: Crowd) -> Iterator[EmbeddingObserved]:
    """Many people, four of ten of whose questions are instructions to the model."""
    for _ in range(120):
        mine = crowd.rng.random() < 0.4
        yield crowd.asks(new=True, injection_score=0.9) if mine else crowd.asks()


ATTACKS = {
    burst: "say the same",
    one_person: "are of one person, ada",
    injections: "look like prompt injection",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_raises_security_and_trains_nothing(
    stack: Stack, acme: httpx.Client, attack: Any
) -> None:
    rng = np.random.default_rng(7)
    route = f"attack-{uuid4().hex[:8]}"
    crowd = Crowd(route, rng, *rng.normal(size=(2, TOPICS, DIMENSION)))
    acme.put(f"/v1/routes/{route}", json={"collection": route, "policy": POLICY}).raise_for_status()
    events = [
        *(crowd.asks(purpose="baseline") for _ in range(PAST)),
        *(crowd.asks() for _ in range(USUAL)),
        *attack(crowd),
    ]
    asyncio.run(send(stack, events, int(uuid4())))

    def handled() -> bool:
        [stream] = acme.get("/v1/drift", params={"route": route}).json()["streams"] or [{}]
        return bool(stream.get("events") == len(events) - PAST)

    until(handled, "drift has handled every question")

    def decided() -> Any:
        return acme.get("/v1/remedies", params={"route": route}).json()["data"]

    remedies = until(decided, "the gateway shows what was decided")
    assert {(one["cause"], one["remedy"]) for one in remedies} == {("attack", "security")}
    assert ATTACKS[attack] in remedies[-1]["reason"]
    asked = [each.value or b"" for each in stack.read("retraining-requested")]
    assert not [value for value in asked if route.encode() in value]
