"""Evidently's drift methods for embeddings, on windows of the newest questions.

From `evidently.legacy.metrics.data_drift.embedding_drift_methods` of Evidently 0.7.23. The past
is the reference. Windows are of 500 questions, looked at every 100, so nothing is found before
500 have been seen. A window that has drifted raises one alarm; the next needs a look without drift
between.
"""

from collections import deque
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from gyre_driftbench.observation import Cause, Observation

METHODS = "evidently.legacy.metrics.data_drift.embedding_drift_methods"
WINDOW = 500
STRIDE = 100  # questions from one look to the next
COMPONENTS = 30

GRIDS: dict[str, list[dict[str, Any]]] = {
    "Model": [
        *({"threshold": threshold} for threshold in (0.65, 0.75, 0.8, 0.85)),
        *({"threshold": each, "components": COMPONENTS} for each in (0.55, 0.6, 0.65, 0.7)),
    ],
    "Mmd": [{"threshold": each} for each in (0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.04)],
}


class Windows:
    """Compares the newest questions with the past, from time to time."""

    def __init__(self, method: str, threshold: float, components: int | None) -> None:
        make = getattr(import_module(METHODS), method)
        self._method: Any = make(threshold=threshold, pca_components=components)
        self._frame: Any = import_module("pandas").DataFrame
        self._newest: deque[Any] = deque(maxlen=WINDOW)
        self._events = 0
        self._drifted = False

    def fit(self, past: Sequence[Observation]) -> None:
        self._reference = np.stack([seen.vector for seen in past])

    def update(self, seen: Observation) -> Cause:
        self._newest.append(seen.vector)
        self._events += 1
        if self._events < WINDOW or self._events % STRIDE:
            return ""
        # Frames are made anew each time, because the classifier adds a column to those it is given.
        _, drifted, _ = self._method(
            self._frame(np.stack(self._newest)), self._frame(self._reference)
        )
        alarm = bool(drifted) and not self._drifted
        self._drifted = bool(drifted)
        return "drift" if alarm else ""


class Model(Windows):
    """A domain classifier (logistic, by gradient descent): how well it tells window from past.

    `threshold` is of the area under the ROC curve on the half that it has not learned from;
    Evidently's is 0.55. With `components` it sees the leading principal components of the past
    only, and can no longer learn single questions by heart.
    """

    def __init__(self, threshold: float, components: int | None = None) -> None:
        super().__init__("model", threshold, components)


class Mmd(Windows):
    """Maximum mean discrepancy (Gretton et al. 2012), Gaussian kernel with the median distance.

    `threshold` is of its square; Evidently's is 0.015. On the leading principal components of the
    past, which takes less time; `components` of None is on all of the vector.
    """

    def __init__(self, threshold: float, components: int | None = COMPONENTS) -> None:
        super().__init__("mmd", threshold, components)
