"""Whether an adapter that an engine took does anything: it can be ignored in silence."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import combinations
from math import isfinite
from typing import TypeVar

from gyre_inference.generation import Adapter
from gyre_service.errors import Rejected, Unavailable

SURE = 2.0  # times that an adapter has to change more than rounding does
LEAST = 0.002  # of a log-probability, where rounding did nothing by chance
BASES = 3  # probes without it, one of them before

Token = TypeVar("Token", int, str)


async def prove(
    probe: Callable[[Adapter | None], Awaitable[Mapping[Token, float]]], adapter: Adapter
) -> None:
    """Let an adapter pass that changes the next tokens of a probe.

    The base is asked before and after: what else is asked meanwhile changes an engine's rounding,
    and two of its answers may be alike by chance.

    Args:
        probe: Returns the log-probabilities of the likeliest next tokens, with an adapter or not.
        adapter: To be proved.

    Raises:
        Rejected: It changes nothing, or makes numbers that are none.
        Unavailable: The engine makes such numbers without it.
    """
    before, with_it = await probe(None), await probe(adapter)
    bases = [before]
    bases += [await probe(None) for _ in range(BASES - 1)]
    if not all(isfinite(value) for base in bases for value in base.values()):
        raise Unavailable("the engine's answers are not finite, without the adapter")
    if not all(isfinite(value) for value in with_it.values()):
        raise Rejected("the adapter's answers are not finite")
    rounding = max(distance(one, other) for one, other in combinations(bases, 2))
    if min(distance(with_it, base) for base in bases) <= max(SURE * rounding, LEAST):
        raise Rejected("the adapter changes nothing: its probe is the base's")


def distance(one: Mapping[Token, float], other: Mapping[Token, float]) -> float:
    """Return the largest difference of two probes; what one does not tell is below its least."""
    least_one, least_other = min(one.values()), min(other.values())
    return max(
        abs(one.get(token, least_one) - other.get(token, least_other)) for token in {**one, **other}
    )
