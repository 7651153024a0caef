"""Frouros' streaming maximum mean discrepancy (Gretton et al. 2012), on every question.

`frouros.detectors.data_drift.streaming.MMD` of Frouros 0.9 says how far the newest questions are
from a reference, not whether that is far. Its permutation test is for batches only, and computes
all of the kernel again for each permutation, in processes of its own: three seconds for 100 of
them. So the threshold is learned: the first half of the past is the reference, and the threshold is
the largest distance that a window of the second half has, times a factor.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from gyre_driftbench.observation import Cause, Observation
from gyre_driftbench.pool import Vectors

STRIDE = 10  # questions from one window of the past to the next

GRIDS: dict[str, list[dict[str, Any]]] = {
    "Mmd": [
        {"window": window, "factor": factor}
        for window, factors in ((50, (1.0, 1.5, 2.5, 4.0)), (100, (2.0, 3.5, 5.0, 8.0)))
        for factor in factors
    ]
}


class Mmd:
    """Compares the newest questions with the past.

    It raises one alarm, and the next after as many questions without drift as the window has.
    """

    def __init__(self, window: int, factor: float) -> None:
        self._window, self._factor = window, factor
        self._calm = window  # questions since the last that drifted

    def fit(self, past: Sequence[Observation]) -> None:
        vectors = np.stack([seen.vector for seen in past])
        half = len(vectors) // 2
        kernel = partial(gaussian, sigma=_median_distance(vectors[:half]))
        streaming = import_module("frouros.detectors.data_drift.streaming")
        self._detector: Any = streaming.MMD(window_size=self._window, kernel=kernel)
        self._detector.fit(X=vectors[:half])
        self._threshold = self._factor * max(
            self._detector.compare(X=vectors[end - self._window : end])[0].distance
            for end in range(half + self._window, len(vectors) + 1, STRIDE)
        )

    def update(self, seen: Observation) -> Cause:
        found, _ = self._detector.update(value=seen.vector)
        if found is None or found.distance <= self._threshold:
            self._calm += 1
            return ""
        alarm = self._calm >= self._window
        self._calm = 0
        return "drift" if alarm else ""


def gaussian(one: Vectors, other: Vectors, sigma: float) -> Vectors:
    """Return what Frouros' `rbf_kernel` does of vectors of unit length, in a tenth of the time."""
    kernel: Vectors = np.exp((one @ other.T - 1) / np.float32(sigma**2))
    return kernel


def _median_distance(vectors: Vectors) -> float:
    """Return the usual bandwidth: the median of the distances between the vectors."""
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return float(np.sqrt(np.median(2 - 2 * cosines)))
