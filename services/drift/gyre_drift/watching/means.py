"""Bets that a number from 0 to 1 is larger than it was.

Source:
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of
    the Royal Statistical Society B 86 (2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log, sqrt
from typing import Self

from gyre_drift.watching.evidence import Since

STAKE = 0.5  # lost where a value is 0
SLACK = 2.0  # standard errors: the calibration's own mean may be too low by chance
NEVER = 3.0  # values may be 1, of so many more as there were, though none was (rule of three)
LEAST, MOST = 0.01, 0.98  # of a mean: certainty is never learned from a few values
LEAST_SD = 0.1  # of a score: less is no noise that will stay so


@dataclass(frozen=True)
class Larger:
    """Bets that the mean is larger than `most`, which it was not.

    Args:
        most: The mean of a calibration, and a little more.
        mean: Of the calibration.
        sd: Its standard deviation.
        calibrated: How many values there were.
        expected: Mean of the logarithms over them.
    """

    most: float
    mean: float
    sd: float
    calibrated: int
    expected: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Learn what is usual.

        Args:
            values: From 0 to 1, of a time when nothing had changed.
        """
        count, mean = len(values), sum(values) / len(values)
        sd = sqrt(sum((value - mean) ** 2 for value in values) / count)
        slack = SLACK * sd / sqrt(count) + NEVER / count  # values that are all equal have no sd
        most = min(MOST, max(LEAST, mean + slack))
        found = cls(most, mean, max(LEAST_SD, sd), count)
        return replace(found, expected=sum(map(found.of_value, values)) / count)

    def of_value(self, value: float) -> float:
        """Return the logarithm of the payoff.

        >>> bet = Larger(most=0.1, mean=0.1, sd=0.1, calibrated=200)
        >>> bet.of_value(1.0) > 1 > 0 > bet.of_value(0.0)
        True
        """
        return log(1 - STAKE + STAKE * value / self.most)

    def size(self, since: Since) -> tuple[float, float | None]:
        """Return how far values are from the calibration's, in its standard deviations."""
        return (since.mean - self.mean) / self.sd, since.error / self.sd
