"""Plain River detectors on the distance to the centre of the past: what one would try first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from river.drift import ADWIN, KSWIN, PageHinkley

from gyre_driftbench.observation import Cause, Observation

LIBRARIES = ("river", "scipy")

# What an alarm resets depends on when it was: there are no scores for all thresholds at once.
GRIDS: dict[str, dict[str, Any]] = {
    "Adwin": {
        "settings": [{"clock": clock} for clock in (1, 8, 32)],
        "steps": {"delta": [10 ** (-half / 2) for half in range(2, 41)]},
    },
    "Kswin": {
        "settings": [{"window": window} for window in (100, 300)],
        "steps": {"alpha": [10 ** (-half / 2) for half in range(6, 37)]},
    },
    "Hinkley": {
        "settings": [{"delta": delta} for delta in (0.05, 0.1, 0.25, 0.5)],
        "steps": {"threshold": [round(5 * 2 ** (quarter / 4), 1) for quarter in range(37)]},
    },
}


class Centroid:
    """Watches one number: the cosine distance to the mean of the past, standardised."""

    def __init__(self) -> None:
        self._detector: Any = None

    def fit(self, past: Sequence[Observation]) -> None:
        vectors = np.stack([seen.vector for seen in past])
        half = len(vectors) // 2
        self._centre = vectors[:half].mean(axis=0)
        self._centre /= np.linalg.norm(self._centre)
        usual = 1 - vectors[half:] @ self._centre
        self._mean, self._sd = float(usual.mean()), float(usual.std())

    def update(self, seen: Observation) -> Cause:
        distance = 1 - float(seen.vector @ self._centre)
        self._detector.update(self._scaled((distance - self._mean) / self._sd))
        return "drift" if self._detector.drift_detected else ""

    def _scaled(self, z: float) -> float:
        return z


class Adwin(Centroid):
    """ADWIN, which wants values from 0 to 1; it looks at every `clock`th."""

    def __init__(self, delta: float, clock: int = 32) -> None:
        super().__init__()
        make: Any = ADWIN
        self._detector = make(delta=delta, clock=clock)

    def _scaled(self, z: float) -> float:
        return min(1.0, max(0.0, (z + 4) / 8))


class Kswin(Centroid):
    """Kolmogorov and Smirnov's test between two windows."""

    def __init__(self, alpha: float, window: int) -> None:
        super().__init__()
        self._detector = KSWIN(alpha=alpha, window_size=window, stat_size=window // 3, seed=0)


class Hinkley(Centroid):
    """Page and Hinkley's test, upwards; `delta` is what a value may be more for nothing."""

    def __init__(self, threshold: float, delta: float = 0.25) -> None:
        super().__init__()
        self._detector = PageHinkley(delta=delta, threshold=threshold, alpha=1.0, mode="up")
