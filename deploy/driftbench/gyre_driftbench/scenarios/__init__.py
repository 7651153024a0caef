"""What happens to a world. A scenario is a function in any module of this folder.

It is given a world (or its pools), a seed's random generator and how many questions there are to
be, and returns a stream. A module imports nothing of another scenario's: what a line was made by is
its own module and what all share.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gyre_driftbench.observation import Stream
from gyre_driftbench.world import Rng, World

Make: TypeAlias = Callable[[World, Rng, int], Stream]

CHANGE = 2_000  # where it happens
EVENTS = 5_000
FOUND = 1_000  # questions after a change in which an alarm is a detection


@dataclass(frozen=True)
class Scenario:
    """One kind of stream.

    Attributes:
        name: Of the function.
        make: What makes its streams.
        base: The collection that they have to be of, if any.
        compared: Whether all detectors can see what changes: not where the vectors stay the same,
            or where one's own patterns were in mind when the texts were written.
    """

    name: str
    make: Make
    base: str = ""
    compared: bool = True

    @property
    def unchanged(self) -> bool:
        return self.name.startswith("none")


SCENARIOS: dict[str, Scenario] = {}


def scenario(base: str = "", *, compared: bool = True) -> Callable[[Make], Make]:
    """List a function under its name."""

    def listed(make: Make) -> Make:
        SCENARIOS[make.__name__] = Scenario(make.__name__, make, base, compared)
        return make

    return listed


for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
