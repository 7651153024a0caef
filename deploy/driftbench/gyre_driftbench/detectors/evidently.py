"""Evidently's drift methods for embeddings, on windows of the newest questions.

From `evidently.legacy.metrics.data_drift.embedding_drift_methods` of Evidently 0.7.23. The past
is the reference. Windows are of 500 questions, looked at every 100, so nothing is found before
500 have been seen. A window that has drifted raises one alarm; the next needs a look without drift
between.
"""

from collections import deque
from collections.abc import Sequence
from importlib import import_module
from math import inf
from typing import Any

import numpy as np

from gyre_driftbench.observation import Observation
from gyre_driftbench.pool import Vectors
from gyre_driftbench.scoring import NO_LOOK, Scored

LIBRARIES = ("evidently", "scikit-learn", "numpy")
METHODS = "evidently.legacy.metrics.data_drift.embedding_drift_methods"
WINDOW = 500
STRIDE = 100  # questions from one look to the next
COMPONENTS = 30

GRIDS: dict[str, dict[str, Any]] = {
    "Model": {"settings": [{"components": None}, {"components": COMPONENTS}]},
    "Mmd": {"settings": [{"components": COMPONENTS}]},
}


class Windows(Scored):
    """Compares the newest questions with the past, from time to time."""

    def __init__(self, method: str, components: int | None, threshold: float) -> None:
        super().__init__(1, threshold)
        self._method: Any = getattr(import_module(METHODS), method)()
        self._frame: Any = import_module("pandas").DataFrame
        self._components = components
        self._newest: deque[Any] = deque(maxlen=WINDOW)
        self._events = 0

    def fit(self, past: Sequence[Observation]) -> None:
        self._axes: Any = None
        self._reference = np.stack([seen.vector for seen in past])
        if self._components:
            # As `get_pca_df` does it again at every look, of the same past.
            make = import_module("sklearn.decomposition").PCA
            self._axes = make(n_components=self._components, random_state=0)
            self._reference = self._axes.fit_transform(self._reference)

    def score(self, seen: Observation) -> float:
        self._newest.append(seen.vector)
        self._events += 1
        if self._events < WINDOW or self._events % STRIDE:
            return NO_LOOK
        return self.compare(np.stack(self._newest))

    def compare(self, window: Vectors) -> float:
        """Return what the method says of a window of questions."""
        if self._axes is not None:
            window = self._axes.transform(window)
        # Frames are made anew each time, because the classifier adds a column to those it is given.
        found, _, _ = self._method(self._frame(window), self._frame(self._reference))
        return float(found)


class Model(Windows):
    """A domain classifier (logistic, by gradient descent): how well it tells window from past.

    The score is the area under the ROC curve on the half that it has not learned from; Evidently's
    threshold is 0.55. With `components` it sees the leading principal components of the past only,
    and can no longer learn single questions by heart.
    """

    def __init__(self, components: int | None = None, threshold: float = inf) -> None:
        super().__init__("model", components, threshold)


class Mmd(Windows):
    """Maximum mean discrepancy (Gretton et al. 2012), Gaussian kernel with the median distance.

    The score is its square; Evidently's threshold is 0.015. On the leading principal components of
    the past, which takes less time; `components` of None is on all of the vector.
    """

    def __init__(self, components: int | None = COMPONENTS, threshold: float = inf) -> None:
        super().__init__("mmd", components, threshold)
