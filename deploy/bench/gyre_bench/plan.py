"""What is measured, of which size, in which order."""

import os
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

Side = Literal["bare", "inference", "gateway", "endpoint", "litellm"]
SIDES: tuple[Side, ...] = get_args(Side)
Kind = Literal["stack", "bare", "proxy"]

REFERENCE, GEMMA = "reference", "gemma-3-270m"
MODELS = (REFERENCE, GEMMA)
STACK: tuple[Side, ...] = ("inference", "gateway")
PROXY: tuple[Side, ...] = ("endpoint", "litellm")
CROWD = 16  # questions at once where the ratio to the bare engine is wanted


@dataclass(frozen=True)
class Cell:
    """What one line of the results is of.

    Attributes:
        model: That is served.
        side: Who is asked: the engine itself or `inference`, `gateway`; `litellm` is LiteLLM's
            proxy, and `endpoint` what it stands in front of.
        at_once: Questions.
        retrieval: Whether documents are searched, and are in the prompt.
        round: The second one is measured in the opposite order, against a drift of the machine.
    """

    model: str
    side: Side
    at_once: int
    retrieval: bool
    round: int = 1


@dataclass(frozen=True)
class Size:
    """How much a cell asks: streamed answers for throughput, whole ones for latency."""

    streamed: int
    streamed_tokens: int  # an answer's at most
    whole: int
    whole_tokens: int

    def at_most(self, requests: int | None, at_once: int) -> Self:
        """Return the size for a quick look: fewer requests, but enough to be so many at once."""
        if requests is None:
            return self
        most = max(requests, at_once)
        return replace(self, streamed=min(self.streamed, most), whole=min(self.whole, most))


@dataclass(frozen=True)
class Session:
    """Cells that are measured while the same processes run."""

    kind: Kind
    cells: tuple[Cell, ...]


def size_of(cell: Cell, requests: int | None = None) -> Size:
    """Return how much `cell` asks.

    Args:
        cell: Of the plan.
        requests: At most so many of each kind; None: as many as the figures need.
    """
    if cell.model == REFERENCE:
        streamed, whole = (200, 1_000) if cell.at_once == 1 else (500, 500)
        tokens, whole_tokens = 64, 32
    else:  # large for two cores: the whole of it has to end in 90 minutes
        streamed, whole = {
            (True, False): (16, 200),
            (False, False): (96, 64),
            (True, True): (12, 24),
            (False, True): (32, 32),
        }[cell.at_once == 1, cell.retrieval]
        tokens, whole_tokens = 64, 8
    if cell.round > 1:  # of the throughput only
        whole = 0
    return Size(streamed, tokens, whole, whole_tokens).at_most(requests, cell.at_once)


def sessions(model: str) -> list[Session]:
    """Return the sessions of a model in their order.

    The stack comes first, because it finds the passages that the bare engine is given. Where
    the ratio is wanted the order is stack, bare, bare, stack: what drifts evenly cancels out.
    """
    at_once = (1, 4, 16, 64) if model == REFERENCE else (1, CROWD)
    again = () if model == REFERENCE else (CROWD,)

    def cells(sides: tuple[Side, ...], retrievals: tuple[bool, ...]) -> tuple[Cell, ...]:
        return tuple(
            Cell(model, side, number, retrieval)
            for retrieval in retrievals
            for number in at_once
            for side in sides
        )

    def second(sides: tuple[Side, ...]) -> tuple[Cell, ...]:
        return tuple(Cell(model, side, number, False, 2) for number in again for side in sides)

    planned = [
        Session("stack", cells(STACK, (False, True))),
        Session("bare", (*cells(("bare",), (False, True)), *second(("bare",)))),
        Session("stack", second(STACK)),
        Session("proxy", cells(PROXY, (False,))),
    ]
    return [session for session in planned if session.cells]


def order(runs: int, ours: str, bare: str) -> list[str]:
    """Return whose turn it is: each as often first as the other.

    >>> order(2, "ours", "bare")
    ['ours', 'bare', 'bare', 'ours']
    """
    pairs = ((ours, bare), (bare, ours))
    return [name for number in range(runs) for name in pairs[number % 2]]


def counted(name: str, default: int) -> int:
    """Return a number of the environment."""
    given = os.environ.get(name) or str(default)
    if not given.isdecimal() or not int(given):
        raise SystemExit(f"{name} is {given!r}: expected a number from 1")
    return int(given)
