"""The moments at which a process may be killed, or put to sleep."""

import asyncio
from typing import Final, Literal, TypeAlias

Point: TypeAlias = Literal[
    "after_read",  # before the handler
    "in_transaction",  # before the database has committed
    "after_commit",  # of the database, before the publish
    "after_publish",
    "after_handling",  # before the offset is committed
    "after_offset",
]
POINTS: Final[tuple[Point, ...]] = (
    "after_read",
    "in_transaction",
    "after_commit",
    "after_publish",
    "after_handling",
    "after_offset",
)


class Killed(BaseException):
    """Ends what cannot wait; no `Exception`, so that nothing mistakes it for a failure."""


class Mortal:
    """A process that ends where it is told to, or never.

    Args:
        ends: Where, the first time that it comes there.
        latest: How many points it passes at most, whichever they are; None: it lives.
    """

    def __init__(self, ends: Point | None = None, latest: int | None = None) -> None:
        self._ends = ends
        self._latest = latest
        self._passed = 0
        self.died = asyncio.Event()
        self.died_at: Point | None = None

    async def pass_by(self, point: Point) -> None:
        """Go on, or stop for ever: a killed process does not even clean up."""
        if self.comes_to(point):
            await self.stay_dead()

    async def stay_dead(self) -> None:
        """Return only to the living."""
        if self.died.is_set():
            await asyncio.Event().wait()

    def comes_to(self, point: Point) -> bool:
        """Tell whether the process is dead from here on."""
        self._passed += 1
        if not self.died.is_set() and (point == self._ends or self._passed == self._latest):
            self.died_at = point
            self.died.set()
        return self.died.is_set()


class Sleeper(Mortal):
    """A process that sleeps where another one would be killed; when it wakes, it goes on.

    Its group has gone on without it meanwhile: what it has in hand it finishes, and its commit is
    refused. Nothing sleeps within a transaction here: it would only keep the others waiting.
    """

    def __init__(self, ends: Point | None = None, latest: int | None = None) -> None:
        super().__init__(ends, latest)
        self.woken = asyncio.Event()
        self.has_nothing_left = asyncio.Event()

    async def stay_dead(self) -> None:
        if self.died.is_set():
            await self.woken.wait()

    def comes_to(self, point: Point) -> bool:
        return False if point == "in_transaction" else super().comes_to(point)
