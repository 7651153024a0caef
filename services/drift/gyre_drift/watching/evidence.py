"""Evidence that something has changed: bets that win nothing on average while it has not.

A statistic becomes the logarithm of a payoff whose mean is at most 1 as long as nothing has
changed. Where the sum of those logarithms since it was last below 0 passes `log(events)`, there
is an alarm: at most one in so many events, whatever the statistic's distribution.

Source:
    Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change
    detection", arXiv 2203.03532, 2022; the sum: Page, Biometrika 41 (1954).
"""

from dataclasses import dataclass
from datetime import datetime
from math import log, sqrt
from typing import Any

from river.drift import PageHinkley

LEAST = 1e-4  # that is expected to be lost by a value


@dataclass
class Since:
    """What was taken since the evidence was last at its lowest: the likeliest place of a change.

    Attributes:
        onset: Time of the first value.
        count: How many values there are.
        total: Their sum.
        squares: The sum of their squares.
    """

    onset: datetime
    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        variance = max(0.0, self.squares / self.count - self.mean**2)
        return sqrt(variance / self.count)


class Rise:
    """PageHinkley on logarithms of payoffs.

    River's compares with the running mean of what it was given, and allows for `delta`. It is
    given values above their expectation, which is taken for `delta`: so nothing is added to what
    they are. Zeros before them, as many as there were values in the calibration, keep the mean at
    0 at the start and after each alarm; later it follows: a calibration that is a little off is
    made up for. After an alarm River's begins again, and goes on alarming while the world is moved.

    Args:
        threshold: Of the sum: the logarithm of the events between two false alarms.
        expected: Mean of the values while nothing has changed, below 0.
        calibrated: How many values that mean is made of.
    """

    def __init__(self, threshold: float, expected: float, calibrated: int) -> None:
        self.threshold = threshold
        self.since: Since | None = None
        self._expected = min(expected, -LEAST)
        self._calibrated = calibrated
        self._detector = self._anchored()

    def update(self, value: float, time: datetime, payoff: float, weight: float = 1.0) -> bool:
        """Take a value.

        Args:
            value: What was measured.
            time: When.
            payoff: The logarithm of what a bet on it paid.
            weight: Which part counts: a payoff's power up to 1 is a payoff too (Jensen).
        """
        if self._detector.drift_detected:
            self._detector = self._anchored()
        if self.now() == 0:  # as it is after each new lowest
            self.since = Since(time)
        self._detector.update(weight * (payoff - self._expected))
        assert self.since is not None
        self.since.add(value)
        return bool(self._detector.drift_detected)

    def take_back(self, payoff: float, weight: float) -> None:
        """Undo what a value has added; what one took away stays: evidence only ever gets less."""
        detector = self._detector  # River's takes nothing back
        detector._sum_increase -= max(0.0, weight * (payoff - self._expected))
        detector._min_increase = min(detector._min_increase, detector._sum_increase)

    def tune(self, threshold: float) -> None:
        self.threshold = self._detector.threshold = threshold

    def now(self) -> float:
        # River keeps both, and shows neither.
        found: float = self._detector._sum_increase - self._detector._min_increase
        return max(0.0, found)

    def _anchored(self) -> Any:
        detector: Any = PageHinkley(
            delta=-self._expected, threshold=self.threshold, alpha=1.0, mode="up"
        )
        for _ in range(self._calibrated):
            detector.update(0.0)
        return detector


def threshold_for(events: float, detectors: int) -> float:
    """Return the threshold of one of so many detectors for false alarms of all of them together.

    Hazards add: each may have one in `events * detectors`.

    >>> round(threshold_for(50_000, 10), 2)
    13.12
    """
    return log(events * detectors)
