"""Whether somebody makes the world look moved: nothing is learned from that."""

from collections import Counter, deque
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from gyre_drift.watching.reference import ALIKE, WINDOW, Vectors, cosines

SUSPICIOUS = 0.5  # injection score
MOST = 0.95  # share: above it all say the same
RETRIED = 0.9  # cosine of two that ask the same, in other words maybe: paraphrases have 0.92
AT_ONCE_S = 5.0  # a program that tries again, not a person
LEAST = 10  # questions: of fewer no share can be told
# Questions in which one person's share is looked at: three long sessions of one person, who may
# have them, are a third of a hundred.
LONG = 2 * WINDOW
Z = 1.281552  # one side of 90 %


@dataclass(frozen=True)
class Attack:
    """What a window of questions looks like.

    Attributes:
        alike: Share of questions with one that says the same before them.
        person: Whoever asked most, "" if nobody is known.
        heavy: That person's share; 0 of too few questions to call somebody an attacker.
        heavy_at_most: The upper end of its one-sided 90 % interval, of however few.
        injected: Share of questions that look like prompt injection.
    """

    alike: float
    person: str
    heavy: float
    heavy_at_most: float
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


@dataclass(frozen=True)
class Seen:
    """What is kept of a question.

    Attributes:
        person: Who asked; None: nobody knows.
        injected: Whether it looks like prompt injection.
        alike: Whether it says the same as one of the 100 before it.
        time: When.
    """

    person: str | None
    injected: bool
    alike: bool
    time: datetime


class Window:
    """The newest questions. Pickled as it is, so vectors are whole numbers: 100 are 38 kB."""

    def __init__(self) -> None:
        self.seen: deque[Seen] = deque(maxlen=LONG)
        self._vectors: NDArray[np.int8] | None = None

    def add(
        self, vector: Vectors, person: str | None, injection: float, time: datetime
    ) -> tuple[bool, float] | None:
        """Take a question, whose vector is of unit length, (d,).

        Returns:
            Whether it asks again what its person asked last, and how much that counts; None if
            it says nothing: `_again`.
        """
        whole = np.rint(vector * (127 / np.abs(vector).max())).astype(np.int8)
        kept = whole[None][:0] if self._vectors is None else self._vectors
        near = cosines(kept.astype(np.float32), whole.astype(np.float32))
        again = self._again(near > RETRIED, person, time)
        self.seen.append(Seen(person, injection > SUSPICIOUS, bool((near > ALIKE).any()), time))
        self._vectors = np.concatenate([kept, whole[None]])[-WINDOW:]
        return again

    def _again(
        self, same: NDArray[np.bool_], person: str | None, time: datetime
    ) -> tuple[bool, float] | None:
        """Tell whether somebody asks again: nobody is counted often, nor is what others ask, too.

        Nor what comes at once, by itself, when an answer has failed; nor the third time.

        Args:
            same: Which of the newest questions ask what this one does.
            person: Who asks.
            time: When.
        """
        newest = list(self.seen)[-WINDOW:]
        mine = [n for n, one in enumerate(newest) if person is not None and one.person == person]
        if not mine or (time - newest[mine[-1]].time).total_seconds() < AT_ONCE_S:
            return None
        before = [n for n in np.flatnonzero(same) if n != mine[-1]]
        return None if before else (bool(same[mine[-1]]), 1 / len(mine))

    @property
    def full(self) -> bool:
        """Whether there are enough to look at without an alarm."""
        return len(self.seen) >= WINDOW

    @property
    def since(self) -> datetime:
        """Time of the first of them."""
        return self.seen[0].time

    def look(self, since: datetime | None = None) -> "Attack | None":
        """Return what they look like, from a time on; None if there are too few.

        Without a time: who asked most of the newest 200, and the rest of the newest 100. With one,
        somebody's share is told of 100: of ten, each who has a conversation asks a third.
        """
        seen = [one for one in self.seen if since is None or one.time >= since]
        newest = seen[-WINDOW:] if since is None else seen
        count = len(newest)
        if count < LEAST:
            return None
        known = Counter(one.person for one in seen if one.person is not None)
        [(person, most)] = known.most_common(1) or [("", 0)]
        return Attack(
            alike=sum(one.alike for one in newest) / count,
            person=person,
            heavy=most / len(seen) if len(seen) >= (LONG if since is None else WINDOW) else 0.0,
            heavy_at_most=_at_most(most / len(seen), len(seen)),
            injected=sum(one.injected for one in newest) / count,
        )


def _at_most(share: float, count: int) -> float:
    """Return the upper end of a share's interval (Wilson 1927)."""
    middle = share + Z**2 / (2 * count)
    half = Z * sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return (middle + half) / (1 + Z**2 / count)
