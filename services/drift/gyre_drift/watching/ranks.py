"""How unusual a value is among those of a calibration, and what a bet on that pays.

Source:
    Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, chapter 7: p-values
    by rank, and betting against their being uniform. `Further` is their power martingale (Vovk,
    Nouretdinov and Gammerman, "Testing exchangeability on-line", ICML 2003).
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log, sqrt
from typing import Self

from gyre_drift.watching.evidence import Since

# A payoff is made of one each for being among so large a share of the most unusual values.
LEVELS = (0.5, 0.25, 0.1, 0.02, 0.005, 0.001)
POWER = 0.75  # of `Further`; 1 bets nothing


class Ranks:
    """Values of a calibration, of which the larger ones are the more unusual.

    Args:
        values: Of a time when nothing had changed.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self._values = sorted(float(value) for value in values)

    def __len__(self) -> int:
        return len(self._values)

    def p(self, value: float) -> float:
        """Return the share of the calibration, and the value itself, that is as large or larger.

        >>> [Ranks([1, 2, 3]).p(value) for value in (0, 2.5, 4)]
        [1.0, 0.5, 0.25]
        """
        count = len(self._values)
        return (1 + count - bisect_left(self._values, value)) / (count + 1)


def payoff(p: float) -> float:
    """Return what a bet on small p-values pays; 1 on average over uniform ones.

    >>> payoff(0.001) > payoff(0.02) > 1 > payoff(0.6)
    True
    """
    return sum(1 / level for level in LEVELS if p <= level) / len(LEVELS)


def surprise(p: float, share: float) -> float:
    """Return the logarithm of the payoff if only so large a share of values is expected to change.

    The rest of the stake is kept: values that stay usual cost little.
    """
    return log(1 - share + share * payoff(p))


def expected(share: float) -> float:
    """Return the mean of `surprise` over uniform p-values, which is below 0.

    >>> -0.1 < expected(0.1) < 0
    True
    """
    edges = (0.0, *reversed(LEVELS), 1.0)
    return sum((high - low) * surprise((low + high) / 2, share) for low, high in pairwise(edges))


@dataclass(frozen=True)
class Unusual:
    """Bets that so large a share of values is more unusual than those of a calibration.

    Args:
        ranks: Of the calibration; larger values are the more unusual.
        share: Of the values, which are thought to have changed.
        mean: Of the calibration.
        sd: Its standard deviation.
    """

    ranks: Ranks
    share: float
    mean: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float], share: float) -> Self:
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
        return cls(Ranks(values), share, mean, max(1e-6, sqrt(variance)))

    def with_share(self, share: float) -> Self:
        """Return a bet on the same ranks."""
        return replace(self, share=share)

    @property
    def calibrated(self) -> int:
        return len(self.ranks)

    @property
    def expected(self) -> float:
        return expected(self.share)

    def of_value(self, value: float) -> float:
        """Return the logarithm of the payoff."""
        return surprise(self.ranks.p(value), self.share)

    def size(self, since: Since) -> tuple[float, float | None]:
        """Return how far values are from the calibration's, in its standard deviations."""
        return (since.mean - self.mean) / self.sd, since.error / self.sd


@dataclass(frozen=True)
class Further(Unusual):
    """Bets that values are all a little more unusual than those of a calibration."""

    @property
    def expected(self) -> float:
        return log(POWER) + 1 - POWER

    def of_value(self, value: float) -> float:
        """Return the logarithm of the payoff."""
        return log(POWER) - (1 - POWER) * log(self.ranks.p(value))
