"""How far a figure from few trials can be trusted: 95 % intervals."""

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Z = 1.959964  # the normal distribution's 97.5 % quantile
RESAMPLES = 2_000


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the score interval of a proportion; all of [0, 1] without trials.

    Source:
        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal
        of the American Statistical Association 22 (1927), 209-212.

    >>> [round(bound, 4) for bound in wilson(8, 10)]
    [0.4902, 0.9433]
    >>> [round(bound, 4) for bound in wilson(0, 12)]
    [0.0, 0.2425]
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"expected 0 <= successes <= trials, got {successes} of {trials}")
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, Z * Z / trials
    middle = (share + z2 / 2) / (1 + z2)
    half = Z / (1 + z2) * sqrt(share * (1 - share) / trials + z2 / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    values: Sequence[float],
    statistic: Callable[..., NDArray[np.float64]],
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic of independent values.

    Args:
        values: At least one.
        statistic: As `np.mean`: of an array, along `axis`.
        seed: The same values and seed give the same interval.

    Source:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. Too narrow
        for fewer than about ten values.

    >>> bootstrap([0.5] * 8, np.mean)
    (0.5, 0.5)
    >>> low, high = bootstrap([0.0, 1.0] * 10, np.mean)
    >>> 0.2 < low < 0.4 and 0.6 < high < 0.8
    True
    """
    drawn = np.random.default_rng(seed).choice(np.asarray(values, float), (RESAMPLES, len(values)))
    low, high = np.percentile(statistic(drawn, axis=1), (2.5, 97.5))
    return float(low), float(high)
