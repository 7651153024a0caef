"""What happens to a world. A scenario is a function in any module of this folder.

It is given a world (or its pools), a seed's random generator and how many questions there are to
be, and returns a stream.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gyre_driftbench.observation import Stream
from gyre_driftbench.world import Rng, World

Make: TypeAlias = Callable[[World, Rng, int], Stream]

PAST = 2_000  # questions that a detector may learn from
CHANGE = 2_000  # where it happens
EVENTS = 5_000


@dataclass(frozen=True)
class Scenario:
    """A name, what makes its streams, and which collection they have to be of, if any."""

    name: str
    make: Make
    base: str = ""

    @property
    def unchanged(self) -> bool:
        return self.name.startswith("none")


SCENARIOS: dict[str, Scenario] = {}


def scenario(base: str = "") -> Callable[[Make], Make]:
    """List a function under its name."""

    def listed(make: Make) -> Make:
        SCENARIOS[make.__name__] = Scenario(make.__name__, make, base)
        return make

    return listed


for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
