"""Whether an adapter that an engine took does anything: it can be ignored in silence."""

from collections.abc import Mapping
from math import isfinite
from typing import TypeVar

from gyre_service.errors import Rejected

SURE = 2.0  # times that an adapter has to change more than rounding does

Token = TypeVar("Token", int, str)


def prove(
    base: Mapping[Token, float], with_it: Mapping[Token, float], again: Mapping[Token, float]
) -> None:
    """Let an adapter pass that changes the next tokens of a probe.

    Args:
        base: Log-probabilities of the likeliest next tokens, without the adapter.
        with_it: With it.
        again: Without it once more: what else is asked meanwhile changes an engine's rounding.

    Raises:
        Rejected: It changes nothing, or makes numbers that are none.
    """
    if not all(isfinite(value) for value in with_it.values()):
        raise Rejected("the adapter's answers are not finite")
    if distance(with_it, base) <= SURE * distance(again, base):
        raise Rejected("the adapter changes nothing: its probe is the base's")


def distance(one: Mapping[Token, float], other: Mapping[Token, float]) -> float:
    """Return the largest difference of two probes; what one does not tell is below its least."""
    least_one, least_other = min(one.values()), min(other.values())
    return max(
        abs(one.get(token, least_one) - other.get(token, least_other)) for token in {**one, **other}
    )
