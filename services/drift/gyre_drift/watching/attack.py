"""Whether somebody makes the world look moved: nothing is learned from that."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gyre_drift.watching.reference import ALIKE, Vectors

SUSPICIOUS = 0.5  # injection score
MOST = 0.95  # share: above it all say the same
LEAST = 10  # questions: of fewer no share can be told


@dataclass(frozen=True)
class Attack:
    """What a window of questions looks like.

    Attributes:
        alike: Share of questions with one that says the same before them.
        person: Whoever asked most, "" if nobody is known.
        heavy: That person's share.
        injected: Share of questions that look like prompt injection.
    """

    alike: float
    person: str
    heavy: float
    injected: float

    def reason(self, most: "Limits") -> str:
        """Return why this is no change of the world, or ""."""
        for share, limit, what in (
            (self.injected, most.injected, "look like prompt injection"),
            (self.alike, most.alike, "say the same"),
            (self.heavy, most.heavy, f"are of one person, {self.person}"),
        ):
            if share > limit:
                return f"{share:.0%} of the questions {what}, at most {limit:.0%} are usual"
        return ""


@dataclass(frozen=True)
class Limits:
    """Above which shares a window is an attack.

    Attributes:
        alike: Of questions that say the same, more than usual.
    """

    alike: float = 0.3
    heavy: float = 0.3
    injected: float = 0.3

    def beside(self, usual: float) -> "Limits":
        """Return the limits where so large a share of questions says the same anyway."""
        return replace(self, alike=min(MOST, self.alike + usual))


def look(
    vectors: Vectors, persons: Sequence[str | None], injection: Sequence[float]
) -> Attack | None:
    """Return what a window of questions looks like; None if there are too few.

    Args:
        vectors: Of unit length, oldest first, (n, d).
        persons: Who asked each; None: unknown.
        injection: How much each looks like an attack, 0..1.
    """
    count = len(vectors)
    if count < LEAST:
        return None
    similar = np.tril(vectors @ vectors.T, k=-1)
    known = Counter(person for person in persons if person is not None)
    [(person, most)] = known.most_common(1) or [("", 0)]
    return Attack(
        alike=float((similar.max(axis=1) > ALIKE).mean()),
        person=person,
        heavy=most / count,
        injected=sum(score > SUSPICIOUS for score in injection) / count,
    )
