"""From alarms to figures, each with an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gyre_driftbench.observation import Cause
from gyre_driftbench.scenarios import FOUND

# The estimate, and both ends at 95 %; None: no upper end.
Interval: TypeAlias = tuple[float, float, float | None]

WINDOW = 500  # questions after a change in which an alarm counts for F1
Z = 1.959964
DRAWS = 2_000
MANY = 100  # from so many on, the gamma distribution's quantiles are approximated


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


def run_length(events: int, alarms: int) -> Interval:
    """Return events between false alarms, and its 95 % interval (exact, Poisson; Garwood 1936).

    With no alarm the estimate is the number of events. It takes each alarm for one by itself.
    """
    low = events / _gamma(alarms + 1, 0.975, Z)
    high = events / _gamma(alarms, 0.025, -Z) if alarms else None
    return events / max(alarms, 1), low, high


def run_length_by(events: Sequence[int], alarms: Sequence[int]) -> Interval:
    """Return the same, its interval by drawing seeds again: alarms of one may come together.

    Args:
        events: Of each seed.
        alarms: Of each seed.
    """
    if not any(alarms):
        return run_length(sum(events), 0)
    rows = _drawn(len(events))
    found = np.array(alarms)[rows].sum(axis=1) / np.array(events)[rows].sum(axis=1)
    few, many = np.quantile(found, (0.025, 0.975))
    return sum(events) / sum(alarms), float(1 / many), float(1 / few) if few else None


def _gamma(shape: int, quantile: float, z: float) -> float:
    """Return a quantile of the gamma distribution with a whole shape, by bisection.

    Many are approximated (Wilson and Hilferty 1931), within a thousandth.

    Args:
        shape: 1 or more.
        quantile: Which.
        z: The same of the normal distribution.
    """
    if shape > MANY:
        return float(shape * (1 - 1 / (9 * shape) + z / (3 * sqrt(shape))) ** 3)
    low, high = 0.0, shape + 20 * sqrt(shape) + 20
    counts = np.arange(shape)
    logs = np.array([lgamma(count + 1) for count in counts])
    for _ in range(100):
        middle = (low + high) / 2
        # P(gamma <= x) = P(Poisson(x) >= shape)
        if 1 - np.exp(counts * log(middle) - middle - logs).sum() < quantile:
            low = middle
        else:
            high = middle
    return high


def share(count: int, of: int) -> Interval:
    """Return a share and its 95 % interval (Wilson 1927)."""
    if not of:
        return 0.0, 0.0, 1.0
    p = count / of
    middle = (p + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * sqrt(p * (1 - p) / of + Z**2 / (4 * of**2))
    return p, max(0.0, middle - half), min(1.0, middle + half)


def median(values: Sequence[float], quantile: float = 0.5) -> Interval:
    """Return the median, or another quantile, and its 95 % interval (bootstrap)."""
    drawn = np.quantile(np.array(values)[_drawn(len(values))], quantile, axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.quantile(values, quantile)), float(low), float(high)


def ratio(one: Sequence[float], other: Sequence[float]) -> Interval:
    """Return the ratio of two medians over the same seeds, its interval by drawing seeds again."""
    rows = _drawn(len(one))
    mine, theirs = (np.median(np.array(each)[rows], axis=1) for each in (one, other))
    low, high = np.quantile(mine / theirs, (0.025, 0.975))
    return float(np.median(one) / np.median(other)), float(low), float(high)


def f1(by_seed: Sequence[Sequence[Run]]) -> Interval:
    """Return the harmonic mean of precision and recall of changes, over all runs.

    Args:
        by_seed: The runs of each seed; the interval is by drawing seeds again.
    """
    counts = np.array([np.sum([run.counts() for run in runs], axis=0) for runs in by_seed])
    if not len(counts):
        return 0.0, 0.0, 1.0
    low, high = np.quantile(_f1(counts[_drawn(len(counts))].sum(axis=1)), (0.025, 0.975))
    return float(_f1(counts.sum(axis=0))), float(low), float(high)


def _f1(counts: NDArray[Any]) -> NDArray[Any]:
    hit, early, missed = np.moveaxis(counts, -1, 0)
    found: NDArray[Any] = 2 * hit / np.maximum(1, 2 * hit + early + missed)
    return found


def _drawn(size: int) -> NDArray[np.intp]:
    """Return places of so many things, drawn again and again: shape (DRAWS, size)."""
    return np.random.default_rng(0).integers(size, size=(DRAWS, size))
