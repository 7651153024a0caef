"""Whether new questions can be told from old ones: a test that needs no threshold on drift.

Source:
    Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017; the interval: Hanley
    and McNeil, Radiology 143 (1982).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from gyre_drift.watching.reference import ALIKE, Vectors

FOLDS = 5
RIDGE = 1.0
Z = 1.959964


@dataclass(frozen=True)
class Auc:
    """How well a classifier tells them apart on questions it was not made from, 0.5: not at all.

    Attributes:
        low: Lower end of its 95 % interval.
        new: How many new ones there were.
    """

    value: float
    low: float
    new: int


def compare(old: Vectors, new: Vectors, seed: int = 0, *, whole: bool = False) -> Auc:
    """Return the AUC of a ridge classifier, with the lower end of its 95 % interval.

    Args:
        old: Questions of the reference, of unit length, (n, d).
        new: The newest questions, (m, d); at least as many as there are folds.
        seed: Of the folds.
        whole: Whether all of the old ones count, or only as many as there are new ones.
    """
    rng = np.random.default_rng(seed)
    if not whole:
        old = old[rng.permutation(len(old))[: max(len(new), 2 * FOLDS)]]
    x = np.concatenate([old, new]).astype(float)
    y = np.concatenate([np.zeros(len(old)), np.ones(len(new))])
    fold = _folds(rng, x)
    scores = np.empty(len(y))
    for number in range(FOLDS):
        learn, test = fold != number, fold == number
        mean = x[learn].mean(axis=0)
        a = x[learn] - mean
        target = np.where(y[learn] == 1, 1 / y[learn].sum(), -1 / (1 - y[learn]).sum())
        # The dual form: there are fewer questions than dimensions.
        weights = a.T @ np.linalg.solve(a @ a.T + RIDGE * np.eye(len(a)), target)
        scores[test] = (x[test] - mean) @ weights
    value = _auc(scores[y == 1], scores[y == 0])
    return Auc(value, value - Z * _error(value, len(new), len(old)), len(new))


def _folds(rng: np.random.Generator, x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the fold of each question; those that say the same are in the same.

    What is asked often, in the same words, would be known again in another fold: as one of the
    old, or of the new, and not as what it is about.
    """
    first = np.argmax(x @ x.T > ALIKE, axis=1)
    fold: NDArray[np.int64] = (rng.permutation(len(x)) % FOLDS)[first]
    return fold


def _auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    higher = (positive[:, None] > negative[None, :]).mean()
    equal = (positive[:, None] == negative[None, :]).mean()
    return float(higher + equal / 2)


def _error(auc: float, positives: int, negatives: int) -> float:
    first = auc / (2 - auc)
    second = 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (positives - 1) * (first - auc**2) + (negatives - 1) * (second - auc**2)
    ) / (positives * negatives)
    return sqrt(max(0.0, variance))
