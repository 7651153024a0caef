"""What a detector sees, and what it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from gyre_driftbench.pool import Vectors

# `encoder`: nothing can be compared, which is no alarm. "drift": something has moved, and no more.
Cause: TypeAlias = Literal[
    "",
    "drift",
    "input",
    "mix",
    "knowledge",
    "quality",
    "concept",
    "operations",
    "attack",
    "encoder",
]


@dataclass(frozen=True, slots=True)
class Observation:
    """One question, and what became of it.

    Attributes:
        vector: Of the question, of unit length, shape (d,).
        text: The question.
        person: A pseudonym of who asked.
        encoder: Of the vector: another one's cannot be compared with it.
        top_score: Cosine of the question to the best passage that was found.
        margin: `top_score` minus that of the second.
        injection: How much the text looks like an attack, 0..1.
        quality: What a judge says of the answer, 0..1.
        refused: Whether there was none.
        thumb: 1 or -1, from whoever asked; mostly 0.
        latency_s: Of the answer.
    """

    vector: Vectors
    text: str
    person: str
    encoder: str
    top_score: float
    margin: float
    injection: float
    quality: float
    refused: bool
    thumb: int
    latency_s: float


class Detector(Protocol):
    """Watches one stream. It is made anew for each, with its settings as keywords."""

    def fit(self, past: Sequence[Observation]) -> None:
        """Learn what is usual, from questions in the order in which they came."""

    def update(self, seen: Observation) -> Cause:
        """Take the next question; return why there is an alarm now, or ""."""


@dataclass(frozen=True)
class Stream:
    """One seed of one scenario.

    Attributes:
        past: What a detector may learn from.
        live: What it watches then.
        changes: Places in `live` from which on something is otherwise.
        causes: What a detector may call it.
        length: Of `live`; what an undetected change counts as.
    """

    past: Sequence[Observation]
    live: Sequence[Observation]
    changes: tuple[int, ...] = ()
    causes: frozenset[Cause] = frozenset()

    @property
    def length(self) -> int:
        return len(self.live)
