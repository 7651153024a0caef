"""One statistic, one River detector, and when it has said enough.

Source:
    Page, "Continuous Inspection Schemes", Biometrika 41 (1954); Bifet and Gavalda, "Learning from
    Time-Changing Data with Adaptive Windowing", SDM 2007.
"""

from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt
from typing import Any

from river.drift import ADWIN, PageHinkley

from gyre_drift.watching.reference import CLIP
from gyre_drift.watching.thresholds import ADWIN_DELTA, DRIFT

HISTORY = 200
QUIET = 100  # events under half of the threshold, before an alarmed detector may alarm again
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
    """PageHinkley on standardised values: their mean has gone up."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._detector: Any = PageHinkley(delta=DRIFT, threshold=threshold, alpha=1.0, mode="up")

    def update(self, value: float) -> bool:
        self._detector.update(value)
        return bool(self._detector.drift_detected)

    def now(self) -> float:
        # River keeps both, and shows neither.
        found = self._detector._sum_increase - self._detector._min_increase
        return max(0.0, found) if found != float("inf") else 0.0


class Share:
    """ADWIN on 0 and 1: the share of ones has changed. Its statistic is the last cut's."""

    def __init__(self) -> None:
        self.threshold = 1.0
        adwin: Any = ADWIN
        self._detector = adwin(delta=ADWIN_DELTA)
        self._cut = 0.0

    def update(self, value: float) -> bool:
        self._detector.update(value)
        self._cut = 1.0 if self._detector.drift_detected else 0.0
        return bool(self._detector.drift_detected)

    def now(self) -> float:
        return self._cut


@dataclass
class Detector:
    """A named statistic of one family. Pickled as it is."""

    name: str
    family: str
    statistic: Rise | Share
    events: int = 0
    alarmed: bool = False
    quiet: int = 0
    onset: datetime | None = None
    since: int = 0  # events since the onset
    total: float = 0.0  # of the values since the onset
    history: list[float] = field(default_factory=list)

    def update(self, value: float, time: datetime) -> Alarm | None:
        """Take one value; return the alarm that it raises, if it does."""
        self.events += 1
        raised = self.statistic.update(value)
        now = self.statistic.now()
        if now <= 0 and not raised:
            self.onset, self.since, self.total = None, 0, 0.0
        else:
            self.onset = self.onset or time
            self.since += 1
            self.total += value
        self.history = [*self.history[1 - HISTORY :], now]
        if self.alarmed:
            self.quiet = self.quiet + 1 if now < self.statistic.threshold / 2 else 0
            self.alarmed = self.quiet < QUIET
            return None
        if not raised:
            return None
        self.alarmed, self.quiet = True, 0
        return Alarm(
            self.name,
            self.family,
            now,
            self.statistic.threshold,
            self.events,
            self.onset or time,
            self.total / max(1, self.since),
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
    """

    detector: Detector
    wanted: int
    sign: int
    seen: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def update(self, value: float, time: datetime) -> Alarm | None:
        if self.seen < self.wanted:  # Welford
            self.seen += 1
            step = value - self.mean
            self.mean += step / self.seen
            self.squares += step * (value - self.mean)
            return None
        sd = max(LEAST_SD, sqrt(self.squares / max(1, self.seen - 1)))
        z = self.sign * (value - self.mean) / sd
        return self.detector.update(max(-CLIP, min(CLIP, z)), time)

    @property
    def state(self) -> str:
        return "calibrating" if self.seen < self.wanted else self.detector.state
