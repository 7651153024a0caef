"""Alibi-Detect's online detectors: maximum mean discrepancy, and least-squares density difference.

Alibi-Detect 0.13 is under the Business Source License: for this benchmark only, never a dependency
of Gyre. Of `alibi_detect.cd`, with the PyTorch backend: `MMDDriftOnline` (Gretton et al. 2012; Cobb
et al. 2022) and `LSDDDriftOnline` (Bu et al. 2017).

Thresholds are simulated for an expected run time without drift (`ert`), by splitting the reference
at random. Alibi-Detect leaves out the simulations with an alarm within the first window, and wants
as many left as `ert`: so `n_bootstraps` is four times that, and the window not to be longer. What
that costs grows with the run time, and one of 50,000 is out of reach: instead `margin` times the
first threshold is added to all. For the same reason the reference is every second question of the
past.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from gyre_driftbench.observation import Cause, Observation
from gyre_driftbench.pool import Vectors

SIMULATIONS = 4  # for each question of the expected run time
CENTRES = 50
COMPONENTS = 8

GRIDS: dict[str, list[dict[str, Any]]] = {
    "Mmd": [
        *({"window": 50, "ert": ert} for ert in (50, 100, 200)),
        *({"window": 50, "ert": 100, "margin": margin} for margin in (1, 2, 4)),
        *({"window": 100, "ert": 100, "margin": margin} for margin in (4, 10)),
    ],
    "Lsdd": [
        *({"window": 50, "ert": ert} for ert in (50, 100, 200)),
        *({"window": 50, "ert": 100, "margin": margin} for margin in (1, 2.5)),
        *({"window": 100, "ert": 100, "margin": margin} for margin in (2, 4, 8)),
    ],
}


class Online:
    """Compares the newest questions with the past.

    It raises one alarm, and the next after as many questions without drift as the window has.
    """

    def __init__(self, window: int, ert: float, margin: float) -> None:
        self._window, self._ert, self._margin = window, ert, margin
        self._first: float | None = None  # threshold
        self._calm = window  # questions since the last that drifted

    def fit(self, past: Sequence[Observation]) -> None:
        import_module("torch").manual_seed(0)
        self._detector = self._made(np.stack([seen.vector for seen in past[::2]]))

    def update(self, seen: Observation) -> Cause:
        found = self._detector.predict(seen.vector)["data"]
        if self._first is None:
            self._first = found["threshold"]
        if found["test_stat"] <= found["threshold"] + self._margin * self._first:
            self._calm += 1
            return ""
        alarm = self._calm >= self._window
        self._calm = 0
        return "drift" if alarm else ""

    def _made(self, reference: Vectors) -> Any:
        raise NotImplementedError

    def _of(self, name: str, reference: Vectors, **other: Any) -> Any:
        return getattr(import_module("alibi_detect.cd"), name)(
            reference,
            ert=self._ert,
            window_size=self._window,
            n_bootstraps=int(SIMULATIONS * self._ert),
            backend="pytorch",
            device="cpu",
            verbose=False,
            **other,
        )


class Mmd(Online):
    """Maximum mean discrepancy, Gaussian kernel with the median distance."""

    def __init__(self, window: int, ert: float, margin: float = 0.0) -> None:
        super().__init__(window, ert, margin)

    def _made(self, reference: Vectors) -> Any:
        return self._of("MMDDriftOnline", reference)


class Lsdd(Online):
    """Least-squares density difference, on the leading principal components of the past.

    With all of the vector and a window of 50 it is no higher after the abrupt switch of seed 0 than
    before.
    """

    def __init__(
        self, window: int, ert: float, margin: float = 0.0, components: int = COMPONENTS
    ) -> None:
        super().__init__(window, ert, margin)
        self._components = components

    def _made(self, reference: Vectors) -> Any:
        return self._of(
            "LSDDDriftOnline",
            reference,
            preprocess_fn=Projection(reference, self._components),
            n_kernel_centers=CENTRES,
        )


class Projection:
    """The leading principal components of what it was made of."""

    def __init__(self, vectors: Vectors, components: int) -> None:
        self._mean = vectors.mean(axis=0)
        _, _, axes = np.linalg.svd(vectors - self._mean, full_matrices=False)
        self._axes = axes[:components].T

    def __call__(self, vectors: Vectors) -> Vectors:
        projected: Vectors = ((vectors - self._mean) @ self._axes).astype(np.float32)
        return projected
