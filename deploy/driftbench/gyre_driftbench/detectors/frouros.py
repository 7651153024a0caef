"""Frouros' streaming maximum mean discrepancy (Gretton et al. 2012), on every question.

`frouros.detectors.data_drift.streaming.MMD` of Frouros 0.9 says how far the newest questions are
from a reference, not whether that is far. Its permutation test is for batches only, and computes
all of the kernel again for each permutation, in processes of its own: three seconds for 100 of
them. So it is told in multiples of what is usual: the first half of the past is the reference, and
1 is the largest distance that a window of the second half has.

The library computes all of the kernel anew for each question. Here only what a question changes is:
its sums with the reference and with the window. `fit` checks that the library says the same.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from math import inf, isclose
from typing import Any

import numpy as np

from gyre_driftbench.observation import Observation
from gyre_driftbench.pool import Vectors
from gyre_driftbench.scoring import NO_LOOK, Scored

LIBRARIES = ("frouros", "numpy")
GRIDS: dict[str, dict[str, Any]] = {
    "Mmd": {"settings": [{"window": window} for window in (50, 100, 200, 500)]}
}
CLOSE = 1e-5  # of the kernel's mean; its values are of single precision


class Mmd(Scored):
    """Compares the newest questions with the past."""

    def __init__(self, window: int, threshold: float = inf) -> None:
        super().__init__(window, threshold)
        self._window = window

    def fit(self, past: Sequence[Observation]) -> None:
        """Learn the reference, and what is usual.

        Raises:
            ValueError: The library says otherwise of a window.
        """
        vectors = np.stack([seen.vector for seen in past])
        half = len(vectors) // 2
        sigma = _median_distance(vectors[:half])
        kernel = partial(gaussian, sigma=sigma)
        self._sums = Sums(vectors[:half], self._window, sigma)
        found = [self._sums.add(vector) for vector in vectors[half:]]
        streaming = import_module("frouros.detectors.data_drift.streaming")
        library: Any = streaming.MMD(window_size=self._window, kernel=kernel)
        library.fit(X=vectors[:half])
        said = float(library.compare(X=vectors[-self._window :])[0].distance)
        if not isclose(found[-1], said, rel_tol=0, abs_tol=CLOSE):
            message = f"Frouros says {said} of a window, the sums {found[-1]}"
            raise ValueError(message)
        self._usual = float(np.nanmax(found))
        self._sums = Sums(vectors[:half], self._window, sigma)

    def score(self, seen: Observation) -> float:
        return self._sums.add(seen.vector) / self._usual


class Sums:
    """Squared maximum mean discrepancy between a reference and the newest of a stream."""

    def __init__(self, reference: Vectors, window: int, sigma: float) -> None:
        self._reference, self._sigma = reference, sigma
        count = len(reference)
        within = float(gaussian(reference, reference, sigma).sum(dtype=np.float64)) - count
        self._within = within / (count * (count - 1))
        self._newest = np.zeros((window, reference.shape[1]), np.float32)
        self._with_reference = np.zeros(window)  # the kernel's sum of each
        self._kernel = np.zeros((window, window))  # of the window with itself
        self._events = 0

    def add(self, vector: Vectors) -> float:
        """Take the next vector; return the distance, NaN before the window is full."""
        size = len(self._newest)
        place = self._events % size
        self._events += 1
        self._newest[place] = vector
        row = gaussian(self._newest, vector, self._sigma)
        self._kernel[place], self._kernel[:, place] = row, row
        column = gaussian(self._reference, vector, self._sigma)
        self._with_reference[place] = column.sum(dtype=np.float64)
        if self._events < size:
            return NO_LOOK
        among = (self._kernel.sum() - size) / (size * (size - 1))
        across = self._with_reference.sum() / (size * len(self._reference))
        return float(self._within + among - 2 * across)


def gaussian(one: Vectors, other: Vectors, sigma: float) -> Vectors:
    """Return what Frouros' `rbf_kernel` does of vectors of unit length, in a tenth of the time."""
    kernel: Vectors = np.exp((one @ other.T - 1) / np.float32(sigma**2))
    return kernel


def _median_distance(vectors: Vectors) -> float:
    """Return the usual bandwidth: the median of the distances between the vectors."""
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return float(np.sqrt(np.median(2 - 2 * cosines)))
