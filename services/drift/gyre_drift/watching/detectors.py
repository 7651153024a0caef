"""One statistic, one River detector, and when it has said enough.

Source:
    Page, "Continuous Inspection Schemes", Biometrika 41 (1954).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt
from typing import Any

import numpy as np
from river.drift import PageHinkley

from gyre_drift.watching.reference import CLIP
from gyre_drift.watching.shares import NEWEST, Share
from gyre_drift.watching.thresholds import DRIFT

HISTORY = 200
QUIET = 100  # events under half of the threshold, at least, that end an episode
LEAST_SD = 0.1  # of a score: less is no noise that will stay so


@dataclass(frozen=True)
class Alarm:
    """A detector's statistic has passed its threshold."""

    detector: str
    family: str
    statistic: float
    threshold: float
    events: int
    onset: datetime
    size: float


class Rise:
    """PageHinkley on standardised values: their mean has gone up from 0.

    River's compares with the running mean of what it was given. It is given as many zeros first
    as there were values in the calibration, whose mean they are: they leave its statistic at 0,
    and Siegmund's run length as it is. After an alarm River's begins again, and gets them again:
    it goes on alarming for as long as the values stay up.

    The change is where the newest values are least like the calibration's: their sum above what
    the detector allows for is largest for their number. Without the allowance a calibration that
    is a little off, as a small one is, has the change begin with the first value. Where the
    statistic left 0 is hundreds of events too early if rare large values, which are usual, have
    kept it up.

    Args:
        threshold: Of the statistic.
        calibrated: How many values the standard is made of.
    """

    def __init__(self, threshold: float, calibrated: int) -> None:
        self.threshold = threshold
        self._newest: list[float] = []
        self._calibrated = calibrated
        self._detector = self._anchored()

    def update(self, value: float) -> bool:
        if self._detector.drift_detected:
            self._detector = self._anchored()
        self._detector.update(value)
        self._newest = [*self._newest[1 - NEWEST :], value]
        return bool(self._detector.drift_detected)

    def now(self) -> float:
        # River keeps both, and shows neither.
        found: float = self._detector._sum_increase - self._detector._min_increase
        return max(0.0, found)

    def since(self) -> int:
        """Return how many values there are since the change, 0 without any."""
        if not self._newest:
            return 0
        totals = np.cumsum(np.subtract(self._newest[::-1], DRIFT))
        return 1 + int(np.argmax(np.maximum(totals, 0) ** 2 / np.arange(1, len(totals) + 1)))

    def size(self) -> float:
        """Return the mean of the values since the change."""
        since = self.since()
        return sum(self._newest[-since:]) / since if since else 0.0

    def _anchored(self) -> Any:
        detector: Any = PageHinkley(delta=DRIFT, threshold=self.threshold, alpha=1.0, mode="up")
        for _ in range(self._calibrated):
            detector.update(0.0)
        return detector


@dataclass
class Detector:
    """A named statistic of one family. Pickled as it is.

    An episode begins with an alarm and ends when the statistic was under half of its threshold for
    100 events, and for twice as many as came since the change: there is one alarm an episode.
    """

    name: str
    family: str
    statistic: Rise | Share
    events: int = 0
    alarmed: bool = False  # an episode lasts
    quiet: int = 0
    patience: int = QUIET
    history: list[float] = field(default_factory=list)

    def update(self, value: float, times: Sequence[datetime]) -> Alarm | None:
        """Take one value; return the alarm that it raises, if it does.

        Args:
            value: What the statistic is of.
            times: Of this event, last, and of as many before it as are known.
        """
        self.events += 1
        raised = self.statistic.update(value)
        now = self.statistic.now()
        self.history = [*self.history[1 - HISTORY :], now]
        if self.alarmed:
            self.quiet = self.quiet + 1 if now < self.statistic.threshold / 2 else 0
            self.alarmed = self.quiet < self.patience
            return None
        if not raised:
            return None
        since = max(1, self.statistic.since())
        self.alarmed, self.quiet, self.patience = True, 0, max(QUIET, 2 * since)
        return Alarm(
            self.name,
            self.family,
            now,
            self.statistic.threshold,
            self.events,
            times[-min(since, len(times))],
            self.statistic.size(),
        )

    @property
    def state(self) -> str:
        return "alarmed" if self.alarmed else "watching"


@dataclass
class Calibrated:
    """A detector of values whose usual mean and spread are learned from the first of them.

    Attributes:
        detector: Gets standardised values, a worse one larger.
        wanted: How many values calibrate it.
        sign: -1 if smaller is worse.
        times: Of the newest values since the calibration.
    """

    detector: Detector
    wanted: int
    sign: int
    seen: int = 0
    mean: float = 0.0
    squares: float = 0.0
    times: list[datetime] = field(default_factory=list)

    def update(self, value: float, time: datetime) -> Alarm | None:
        if self.seen < self.wanted:  # Welford
            self.seen += 1
            step = value - self.mean
            self.mean += step / self.seen
            self.squares += step * (value - self.mean)
            return None
        sd = max(LEAST_SD, sqrt(self.squares / max(1, self.seen - 1)))
        z = self.sign * (value - self.mean) / sd
        self.times = [*self.times[1 - NEWEST :], time]
        return self.detector.update(max(-CLIP, min(CLIP, z)), self.times)

    @property
    def state(self) -> str:
        return "calibrating" if self.seen < self.wanted else self.detector.state
