"""Alibi-Detect's online detectors: maximum mean discrepancy, and least-squares density difference.

Alibi-Detect 0.13 is under the Business Source License: for this benchmark only, never a dependency
of Gyre. Of `alibi_detect.cd`, with the PyTorch backend: `MMDDriftOnline` (Gretton et al. 2012; Cobb
et al. 2022) and `LSDDDriftOnline` (Bu et al. 2017).

Thresholds are simulated for an expected run time without drift (`ert`), by splitting the reference
at random. Alibi-Detect leaves out the simulations with an alarm within the first window, and wants
as many left as `ert`: so `n_bootstraps` is four times that, and the window not to be longer; here
`ert` is the window. What that costs grows with the run time, and one of 50,000 is out of reach:
instead the score is how far the statistic is above its threshold, in multiples of the first one.
For the same reason the reference is every second question of the past.
"""

from collections.abc import Sequence
from importlib import import_module
from math import inf
from typing import Any

import numpy as np

from gyre_driftbench.observation import Observation
from gyre_driftbench.pool import Vectors
from gyre_driftbench.scoring import Scored

LIBRARIES = ("alibi-detect", "torch", "numpy")
SIMULATIONS = 4  # for each question of the expected run time
CENTRES = 50

GRIDS: dict[str, dict[str, Any]] = {
    "Mmd": {"settings": [{"window": 50}, {"window": 100}]},
    "Lsdd": {
        "settings": [
            {"window": window, "components": components}
            for window in (50, 100)
            for components in (8, 32)
        ]
    },
}


class Online(Scored):
    """Compares the newest questions with the past."""

    def __init__(self, window: int, threshold: float) -> None:
        super().__init__(window, threshold)
        self._window = window

    def fit(self, past: Sequence[Observation]) -> None:
        torch: Any = import_module("torch")
        torch.manual_seed(0)
        with torch.inference_mode():
            self._detector = self._made(np.stack([seen.vector for seen in past[::2]]))
        self._first = float(self._detector.get_threshold(0))

    def score(self, seen: Observation) -> float:
        torch: Any = import_module("torch")
        with torch.inference_mode():
            # `predict` does the same, and keeps every statistic for ever.
            found = float(self._detector.score(seen.vector))
        return (found - float(self._detector.get_threshold(self._detector.t))) / self._first

    def _made(self, reference: Vectors) -> Any:
        raise NotImplementedError

    def _of(self, name: str, reference: Vectors, **other: Any) -> Any:
        made = getattr(import_module("alibi_detect.cd"), name)(
            reference,
            ert=self._window,
            window_size=self._window,
            n_bootstraps=SIMULATIONS * self._window,
            backend="pytorch",
            device="cpu",
            verbose=False,
            **other,
        )
        return made._detector  # what `score` and `predict` are passed on to


class Mmd(Online):
    """Maximum mean discrepancy, Gaussian kernel with the median distance."""

    def __init__(self, window: int, threshold: float = inf) -> None:
        super().__init__(window, threshold)

    def _made(self, reference: Vectors) -> Any:
        return self._of("MMDDriftOnline", reference)


class Lsdd(Online):
    """Least-squares density difference, on the leading principal components of the past.

    With all of the vector and a window of 50 it is no higher after the abrupt switch of seed 0 than
    before.
    """

    def __init__(self, window: int, components: int, threshold: float = inf) -> None:
        super().__init__(window, threshold)
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
