"""Plain River detectors on the distance to the centre of the past: what one would try first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from river.drift import ADWIN, KSWIN, PageHinkley

from gyre_driftbench.observation import Cause, Observation

GRIDS: dict[str, list[dict[str, Any]]] = {
    "Adwin": [{"delta": delta} for delta in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)],
    "Kswin": [
        {"alpha": alpha, "window": window}
        for alpha in (1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 1e-16)
        for window in (100, 300)
    ],
    "Hinkley": [{"threshold": threshold} for threshold in (10, 15, 20, 30, 50, 75, 100, 150, 250)],
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
    """ADWIN, which wants values from 0 to 1."""

    def __init__(self, delta: float) -> None:
        super().__init__()
        make: Any = ADWIN
        self._detector = make(delta=delta)

    def _scaled(self, z: float) -> float:
        return min(1.0, max(0.0, (z + 4) / 8))


class Kswin(Centroid):
    """Kolmogorov and Smirnov's test between two windows."""

    def __init__(self, alpha: float, window: int) -> None:
        super().__init__()
        self._detector = KSWIN(alpha=alpha, window_size=window, stat_size=window // 3, seed=0)


class Hinkley(Centroid):
    """Page and Hinkley's test, upwards."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._detector = PageHinkley(delta=0.25, threshold=threshold, alpha=1.0, mode="up")
