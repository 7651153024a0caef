"""Detectors that score each question: an alarm is a score above a threshold.

Such a score is written down once, for all thresholds: which of them is as rarely wrong as another
detector then needs no further run.
"""

from collections.abc import Sequence
from math import inf, isnan, nan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gyre_driftbench.observation import Cause, Observation

Scores: TypeAlias = NDArray[np.float64]


class Scored:
    """Raises one alarm, and the next after `quiet` looks in a row that were not above.

    Nothing is reset by an alarm: scores are the same for all thresholds.
    """

    def __init__(self, quiet: int, threshold: float = inf) -> None:
        self.quiet, self._threshold = quiet, threshold
        self._calm = quiet

    def fit(self, past: Sequence[Observation]) -> None:
        raise NotImplementedError

    def score(self, seen: Observation) -> float:
        """Take the next question; return how far things have moved, NaN without a look."""
        raise NotImplementedError

    def update(self, seen: Observation) -> Cause:
        found = self.score(seen)
        if isnan(found):
            return ""
        if found <= self._threshold:
            self._calm += 1
            return ""
        alarm = self._calm >= self.quiet
        self._calm = 0
        return "drift" if alarm else ""


NO_LOOK = nan


def alarms(scores: Scores, threshold: float, quiet: int) -> list[int]:
    """Return the places of alarms of what `Scored.update` had made of these scores."""
    looks = np.flatnonzero(~np.isnan(scores))
    above = np.flatnonzero(scores[looks] > threshold)
    fresh = np.diff(above, prepend=-quiet - 1) > quiet
    return [int(place) for place in looks[above[fresh]]]


def threshold_for(traces: Sequence[Scores], allowed: int, quiet: int) -> float:
    """Return the lowest threshold with no more alarms than are allowed.

    Args:
        traces: Scores of streams in which nothing changes; fewer alarms are allowed than there are
            streams: with a threshold below all scores each has one.
        allowed: Alarms in all of them.
        quiet: Looks from one alarm to the next.
    """
    levels = np.unique(np.concatenate(traces))
    levels = levels[~np.isnan(levels)]
    low, high = -1, len(levels) - 1  # the index of one that is too low, and of one that is not
    while high - low > 1:
        middle = (low + high) // 2
        if sum(len(alarms(trace, levels[middle], quiet)) for trace in traces) > allowed:
            low = middle
        else:
            high = middle
    return float(levels[high])
