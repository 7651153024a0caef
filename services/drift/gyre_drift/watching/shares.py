"""Whether the share of ones in a stream of 0 and 1 has changed, where, and by how much.

Source:
    Bifet and Gavalda, "Learning from Time-Changing Data with Adaptive Windowing", SDM 2007.
"""

from math import log, sqrt
from typing import Any

import numpy as np
from river.drift import ADWIN

from gyre_drift.watching.thresholds import ADWIN_DELTA

NEWEST = 500  # events: a change is looked for no further back
LEAST = 5  # events on each side of it, as ADWIN has it
LEAST_SD = 0.1  # of a value


class Share:
    """ADWIN: the share of ones has changed.

    ADWIN says that it did. Where is the split of its window that explains it best: what River's
    ADWIN keeps of the window begins long before the change. The statistic is how far the share is
    from what it was, 0..1, until it is what it was; the threshold is ADWIN's bound for that split.
    """

    def __init__(self) -> None:
        self.threshold = 1.0
        self._detector: Any = _adwin()
        self._newest = b""
        self._old = 0.0  # the share before the change
        self._ones, self._events = 0.0, 0  # between the change and the event that has shown it

    def update(self, value: float) -> bool:
        events, ones = int(self._detector.width) + 1, float(self._detector.total) + value
        usual = self.now() < self.threshold / 2
        self._newest = (self._newest + bytes([int(value)]))[-NEWEST:]
        self._detector.update(value)
        changed = bool(self._detector.drift_detected)
        if changed:
            self._split(events, ones, usual)
            self._detector = _adwin()  # as River's does with its next value
        return changed

    def since(self) -> int:
        """Return how many events there are since the change, 0 without any."""
        return self._events + int(self._detector.width) if self._events else 0

    def now(self) -> float:
        return abs(self._share() - self._old) if self._events else 0.0

    def size(self) -> float:
        """Return the change in standard deviations that a value had before it."""
        return (self._share() - self._old) / max(LEAST_SD, sqrt(self._old * (1 - self._old)))

    def _share(self) -> float:
        """Return the share since the change."""
        ones = self._ones + float(self._detector.total)
        return ones / (self._events + int(self._detector.width))

    def _split(self, events: int, ones: float, usual: bool) -> None:
        """Find the change in a window of so many events and ones."""
        after = np.arange(LEAST, min(len(self._newest), events - LEAST) + 1)
        newest = np.frombuffer(self._newest, np.uint8)[::-1].cumsum()[after - 1]
        before = events - after
        step = np.abs(newest / after - (ones - newest) / before)
        best = int(np.argmax(step**2 * after * before))
        if usual:  # else it has changed further, or back
            self._old = float(ones - newest[best]) / int(before[best])
        self._ones, self._events = float(newest[best]), int(after[best])
        self.threshold = _bound(self._events, int(before[best]), ones / events)


def _adwin() -> Any:
    make: Any = ADWIN
    return make(delta=ADWIN_DELTA, min_window_length=LEAST)


def _bound(after: int, before: int, share: float) -> float:
    """Return how far apart the shares of two windows may be for ADWIN."""
    wanted = log(2 * log(after + before) / ADWIN_DELTA)
    each = 1 / (after - LEAST + 1) + 1 / (before - LEAST + 1)
    return sqrt(2 * each * share * (1 - share) * wanted) + 2 / 3 * each * wanted
