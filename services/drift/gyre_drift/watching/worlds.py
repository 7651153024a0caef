"""Whether the world that has come is one that was there before."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from gyre_drift.watching import batch
from gyre_drift.watching.batch import Auc
from gyre_drift.watching.reference import Vectors
from gyre_events import DriftPolicy

TIMES = 5


@dataclass(frozen=True)
class Match:
    """What older worlds have to say.

    Attributes:
        world: The reference that new questions cannot be told from.
        auc: How well they can be told from it.
        wait: Whether more questions are needed to know.
    """

    world: UUID | None = None
    auc: Auc | None = None
    wait: bool = False


def match(worlds: Mapping[UUID, Vectors], new: Vectors, policy: DriftPolicy, seed: int) -> Match:
    """Compare new questions with older worlds.

    Args:
        worlds: Points of their references, (n, d) each.
        new: The newest questions since the change, (m, d).
        policy: Of the route.
        seed: Of the test.
    """
    if not worlds:
        return Match()
    if len(new) < batch.FOLDS:
        return Match(wait=True)
    found = {id: _told_apart(points, new, seed) for id, points in worlds.items()}
    if len(new) < policy.match_events:
        return Match(wait=any(auc.low < policy.match_auc for auc in found.values()))
    best = min(found, key=lambda id: found[id].value)
    return Match(best, found[best]) if found[best].value < policy.match_auc else Match()


def _told_apart(old: Vectors, new: Vectors, seed: int) -> Auc:
    """Return the mean of several tests: the folds alone make as much of it as the limit."""
    found = [batch.compare(old, new, seed * TIMES + time, whole=True) for time in range(TIMES)]
    value = sum(one.value for one in found) / TIMES
    return Auc(value, sum(one.low for one in found) / TIMES, len(new))
