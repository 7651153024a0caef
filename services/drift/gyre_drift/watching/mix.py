"""Whether what is asked about has other shares than it ever had.

Source:
    Lorden and Pollak, "Nonanticipating estimation applied to sequential analysis and changepoint
    detection", Annals of Statistics 33 (2005): a likelihood ratio with an estimate in the place of
    what is not known. What was usual is a mixture of regimes: Herbster and Warmuth, "Tracking the
    best expert", Machine Learning 32 (1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gyre_drift.watching.evidence import Since
from gyre_drift.watching.signals import Z

Shares: TypeAlias = NDArray[np.float64]

STAKE = 0.7  # of each bet; the rest is kept
MEMORY = 60  # questions that the newest shares are an estimate of
BLOCK = 125  # questions in order that may be a time of the day
RESTLESS = 1.6  # times as much variance between blocks as chance makes: there are such times
SWITCH = 0.02  # how often one regime follows another


@dataclass(frozen=True)
class Change:
    """Of the share of a cluster.

    Attributes:
        low: Lower end of the 95 % interval of `now` - `before`.
        high: Its upper end.
    """

    cluster: int
    before: float
    now: float
    low: float
    high: float


class Mix:
    """Bets that the next question's cluster has its newest share, and not one that was usual.

    If the shares of blocks of the past differ by more than chance does, each block's are usual
    (a morning's, an evening's): what is compared with is their mixture, weighted by how well each
    has foretold the newest questions. So what comes back each day is no change.

    Args:
        past: Clusters of past questions; in the order in which they came, or `ordered` is False.
        clusters: How many there are.
        ordered: Whether blocks of them mean anything.
    """

    def __init__(self, past: Sequence[int], clusters: int, *, ordered: bool) -> None:
        counts = np.bincount(past, minlength=clusters).astype(float)
        self.usual: Shares = (counts + 1) / (len(past) + clusters)
        self.calibrated = len(past)
        self._regimes, restless = self._blocks(np.asarray(past), clusters, ordered=ordered)
        self._weights = np.full(len(self._regimes), 1 / len(self._regimes))
        self._counts: Shares = (counts + 1) / restless
        self.newest = self.usual.copy()
        self.expected = self._calibration(past)

    @property
    def moved(self) -> float:
        """How far the newest shares are from the usual ones: half of the sum of differences."""
        return float(np.abs(self.newest - self.usual).sum() / 2)

    def changes(self) -> list[Change]:
        """Return each cluster's share before and now, those that changed most first."""
        found = []
        for cluster in np.argsort(-np.abs(self.newest - self.usual), kind="stable"):
            before, now = float(self.usual[cluster]), float(self.newest[cluster])
            by = now - before
            # An exponential mean with this memory is worth about twice as many values.
            variance = now * (1 - now) / (2 * MEMORY) + before * (1 - before) / self.calibrated
            half = Z * sqrt(variance)
            found.append(Change(int(cluster), before, now, by - half, by + half))
        return found

    def size(self, since: Since) -> tuple[float, float | None]:
        """Return `moved`: clusters are names, and the mean of names says nothing."""
        return self.moved, None

    def of_value(self, value: float) -> float:
        """Take a question's cluster; return the logarithm of the payoff."""
        found = self._bet(int(value))
        # As questions come, what is usual is known better than by the past alone.
        self._counts[int(value)] += 1
        self.usual = self._regimes[0] = self._counts / self._counts.sum()
        return found

    def _bet(self, cluster: int) -> float:
        usual = float(self._weights @ self._regimes[:, cluster])
        found = log(1 - STAKE + STAKE * float(self.newest[cluster]) / usual)
        weights = self._weights * self._regimes[:, cluster]
        self._weights = (1 - SWITCH) * weights / weights.sum() + SWITCH / len(weights)
        self.newest *= 1 - 1 / MEMORY
        self.newest[cluster] += 1 / MEMORY
        return found

    def _blocks(
        self, past: NDArray[np.int64], clusters: int, *, ordered: bool
    ) -> tuple[Shares, float]:
        """Return the usual shares, and those of blocks if they differ by more than chance.

        How much more is how many questions in a row say no more than one does.
        """
        starts = range(0, len(past) - BLOCK + 1, BLOCK)
        if not ordered or len(starts) < 2:
            return self.usual[None].copy(), 1.0
        counts = np.array([np.bincount(past[s : s + BLOCK], minlength=clusters) for s in starts])
        chance = BLOCK * self.usual
        variance = float((((counts - chance) ** 2) / chance).sum(axis=1).mean() / (clusters - 1))
        if variance < RESTLESS:
            return self.usual[None].copy(), max(1.0, variance)
        own = (counts + 0.5) / (BLOCK + 0.5 * clusters)
        # What chance alone would make of the variance is taken back.
        shrunk: Shares = (1 - 1 / variance) * own + self.usual / variance
        return np.concatenate([self.usual[None], shrunk]), variance

    def _calibration(self, past: Sequence[int]) -> float:
        """Return the mean of the values over the past itself, and begin anew."""
        values = [self._bet(cluster) for cluster in past]
        self._weights = np.full(len(self._regimes), 1 / len(self._regimes))
        self.newest = self.usual.copy()
        return float(np.mean(values))
