"""What is known of a share at any time, however often one looks. No I/O.

Source:
    Robbins, "Statistical Methods Related to the Law of the Iterated Logarithm", Annals of
    Mathematical Statistics 41 (1970); Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import lgamma, log

ROUNDS = 50  # of the bisection


@dataclass(frozen=True)
class Interval:
    """A share lies in it at every look, with the probability that was asked for."""

    low: float
    high: float


def interval(bad: int, answers: int, alpha: float) -> Interval:
    """Return the confidence sequence of a share after so many independent answers.

    With the uniform mixture over all shares: by Ville's inequality the true one leaves
    {p : p^bad (1-p)^good >= alpha B(bad + 1, good + 1)} ever with probability alpha at most.

    Args:
        bad: Of the answers, 0..answers.
        answers: How many.
        alpha: How often the true share may ever be outside.

    >>> found = interval(0, 20, 0.05)
    >>> found.low, round(found.high, 2)
    (0.0, 0.26)
    >>> interval(0, 0, 0.05)
    Interval(low=0.0, high=1.0)
    """
    if not 0 <= bad <= answers:
        raise ValueError(f"expected 0 <= bad <= answers, got {bad} of {answers}")
    if answers == 0:
        return Interval(0.0, 1.0)
    good, seen = answers - bad, bad / answers
    floor = log(alpha) + lgamma(bad + 1) + lgamma(good + 1) - lgamma(answers + 2)

    def inside(share: float) -> bool:
        if share <= 0:
            return bad == 0
        if share >= 1:
            return good == 0
        return bad * log(share) + good * log(1 - share) >= floor

    return Interval(_edge(inside, seen, 0.0), _edge(inside, seen, 1.0))


def _edge(inside: Callable[[float], bool], within: float, end: float) -> float:
    if inside(end):
        return end
    outside = end
    for _ in range(ROUNDS):
        middle = (within + outside) / 2
        if inside(middle):
            within = middle
        else:
            outside = middle
    return within


def difference(candidate: Interval, production: Interval) -> Interval:
    """Return what two sequences together say of candidate minus production (union bound)."""
    return Interval(candidate.low - production.high, candidate.high - production.low)
