"""A fault, what it is injected into, and what one injection led to."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import httpx
import pytest

from gyre_local.supervisor import Supervisor
from tests.conftest import Stack

# Who waits in vain for the stack says so as a test that fails, which is no `Exception`.
FAILED = (Exception, pytest.fail.Exception)
Tier: TypeAlias = Literal["smoke", "gate", "soak"]
EVENTS: dict[Tier, int] = {"smoke": 1_000, "gate": 10_000, "soak": 100_000}


@dataclass(frozen=True)
class Field:
    """Where faults are injected: a stack, with a route, a document and answers on it."""

    stack: Stack
    api: httpx.Client
    model: str
    collection: str
    answers: list[str]
    ledgers: Path
    events: int  # where a fault is not a moment: through how many it lasts
    idle_starts: dict[str, float] = field(default_factory=dict)

    @property
    def supervisor(self) -> Supervisor:
        return self.stack.supervisor


@dataclass(frozen=True)
class Trial:
    """What one injection led to.

    Args:
        into: What was hurt.
        sent: How much a client had accepted meanwhile.
        unknown: Attempts of the client that ended without an answer.
        recovery_s: Until it was as before.
        bound_s: How long that may take, at the 95th percentile.
        waited_p95_s: How long the client's things waited, from when they were due.
        broken: What else this fault asks for and did not hold, in words.
        figures: What was measured beside.
    """

    into: str
    sent: int
    unknown: int
    lost: int
    double: int
    inversions: int
    recovery_s: float
    bound_s: float
    waited_p95_s: float
    broken: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)


Inject: TypeAlias = Callable[[Field, str, random.Random], Trial]


@dataclass(frozen=True)
class Fault:
    """One row of the table R1 to R19.

    Args:
        name: Its number.
        title: What is done.
        into: What it is done to; each is hurt as often as the tier says.
        trials: How often, by tier.
        inject: Does it once.
        substitute: What is done in the place of what is asked for, where that cannot be had.
        disks: Folders of the stack's home that are file systems of their own for it.
    """

    name: str
    title: str
    into: tuple[str, ...]
    trials: dict[Tier, int]
    inject: Inject
    substitute: str = ""
    disks: tuple[str, ...] = ()

    def plan(self, tier: Tier) -> Iterator[tuple[str, int]]:
        """Yield what is hurt, and for which time; a look through the tier `smoke` hurts one."""
        into = self.into[:1] if tier == "smoke" else self.into
        for number in range(self.trials[tier]):
            yield from ((one, number) for one in into)
