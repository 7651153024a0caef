"""Compares what passed the same items: differences of paired proportions. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from gyre_evaluation.intervals import wilson


@dataclass(frozen=True)
class Difference:
    """One subject against another, item by item.

    Attributes:
        gained: Items that only the first passed.
        lost: Items that only the other passed.
        difference: Of the shares passed, -1..1.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    gained: int
    lost: int
    difference: float
    low: float
    high: float


def compare(first: Mapping[str, bool], other: Mapping[str, bool]) -> Difference:
    """Compare who passed which item; both were asked the same ones, at least one.

    >>> found = compare({"a": True, "b": True}, {"a": True, "b": False})
    >>> (found.gained, found.lost, found.difference)
    (1, 0, 0.5)
    """
    both = sum(first[id] and other[id] for id in first)
    gained = sum(first[id] and not other[id] for id in first)
    lost = sum(other[id] and not first[id] for id in first)
    low, high = paired(both, gained, lost, len(first) - both - gained - lost)
    return Difference(gained, lost, (gained - lost) / len(first), low, high)


def paired(both: int, first: int, other: int, neither: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two paired proportions.

    Args:
        both: Items that both passed.
        first: Items that only the first passed.
        other: Items that only the other passed.
        neither: Items that nobody passed.

    Source:
        Newcombe, "Improved confidence intervals for the difference between binomial proportions
        based on paired data", Statistics in Medicine 17 (1998), 2635-2650, method 10: Wilson
        intervals of both, joined under their estimated correlation.

    >>> [round(bound, 4) for bound in paired(36, 12, 2, 0)]
    [0.0569, 0.3404]
    >>> [round(bound, 4) for bound in paired(20, 12, 2, 16)]
    [0.0562, 0.3292]
    """
    n = both + first + other + neither
    p1, p2 = (both + first) / n, (both + other) / n
    (low1, high1), (low2, high2) = wilson(both + first, n), wilson(both + other, n)
    phi = _correlation(both, first, other, neither)

    def side(mine: float, theirs: float) -> float:
        return sqrt(max(0.0, mine * mine - 2 * phi * mine * theirs + theirs * theirs))

    low = p1 - p2 - side(p1 - low1, high2 - p2)
    high = p1 - p2 + side(high1 - p1, p2 - low2)
    return max(-1.0, low), min(1.0, high)


def _correlation(both: int, first: int, other: int, neither: int) -> float:
    """Return phi, drawn towards 0 where the table is small, as the source does."""
    n = both + first + other + neither
    margins = (both + first) * (other + neither) * (both + other) * (first + neither)
    if margins == 0:
        return 0.0
    product = float(both * neither - first * other)
    if product > 0:
        product = max(0.0, product - n / 2)
    return product / sqrt(margins)
