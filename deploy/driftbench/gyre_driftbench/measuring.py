"""From alarms to figures, each with an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from gyre_driftbench.observation import Cause

FOUND = 1_000  # questions after a change in which an alarm is a detection
WINDOW = 500  # the same for F1
Z = 1.959964
DRAWS = 2_000


@dataclass(frozen=True)
class Run:
    """What a detector raised on one stream.

    Attributes:
        alarms: Places and causes, in order.
        changes: Places from which on something was otherwise.
        causes: What it may be called.
        length: Of the stream.
    """

    alarms: Sequence[tuple[int, Cause]]
    changes: Sequence[int]
    causes: frozenset[Cause]
    length: int

    @property
    def delay(self) -> int:
        """Questions from the first change to its alarm; without one, the stream's length."""
        found = [place for place, _ in self._within(FOUND)]
        return found[0] - self.changes[0] + 1 if found else self.length

    @property
    def detected(self) -> bool:
        return bool(self._within(FOUND))

    @property
    def cause(self) -> Cause:
        """Return what the first change was called, "" if it was not found."""
        return next((cause for _, cause in self._within(FOUND)), "")

    def counts(self) -> tuple[int, int, int]:
        """Return true positives, false positives and false negatives among changes.

        Several alarms after one change are one. False is what comes before any change: from then on
        the world is not the usual one.
        """
        hit = sum(
            any(change <= place < change + WINDOW for place, _ in self.alarms)
            for change in self.changes
        )
        early = sum(place < self.changes[0] for place, _ in self.alarms)
        return hit, early, len(self.changes) - hit

    def _within(self, events: int) -> list[tuple[int, Cause]]:
        first = self.changes[0]
        return [alarm for alarm in self.alarms if first <= alarm[0] < first + events]


def run_length(events: int, alarms: int) -> tuple[float, float, float]:
    """Return events between false alarms, and its 95 % interval (exact, Poisson; Garwood 1936).

    With no alarm the estimate is the number of events, and the interval has no upper end.
    """
    low = events / _chi2_half(alarms + 1, 0.975)
    high = events / _chi2_half(alarms, 0.025) if alarms else float("inf")
    return events / max(alarms, 1), low, high


def _chi2_half(shape: int, quantile: float) -> float:
    """Return a quantile of the gamma distribution with a whole shape, by bisection."""
    low, high = 0.0, shape + 20 * sqrt(shape) + 20
    for _ in range(100):
        middle = (low + high) / 2
        # P(gamma <= x) = P(Poisson(x) >= shape)
        terms = np.cumprod([1.0, *(middle / k for k in range(1, shape))])
        if 1 - np.exp(-middle) * terms.sum() < quantile:
            low = middle
        else:
            high = middle
    return high


def share(count: int, of: int) -> tuple[float, float, float]:
    """Return a share and its 95 % interval (Wilson 1927)."""
    if not of:
        return 0.0, 0.0, 1.0
    p = count / of
    middle = (p + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * sqrt(p * (1 - p) / of + Z**2 / (4 * of**2))
    return p, middle - half, middle + half


def median(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Return the median and its 95 % interval (bootstrap)."""
    rng = np.random.default_rng(seed)
    drawn = np.median(rng.choice(values, size=(DRAWS, len(values))), axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.median(values)), float(low), float(high)


def f1(runs: Sequence[Run]) -> float:
    """Return the harmonic mean of precision and recall of changes, over all runs."""
    hit, early, missed = np.sum([(0, 0, 0), *(run.counts() for run in runs)], axis=0)
    return float(2 * hit / max(1, 2 * hit + early + missed))
