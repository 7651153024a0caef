"""Sees that an engine lives, and lets nobody wait for one that does not."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Protocol, TypeVar

from gyre_service.errors import Unavailable

T = TypeVar("T")
LOOK_S = 0.25  # between two looks at the engine


class Watched(Protocol):
    """What of an engine's processes this needs."""

    def lives(self) -> bool: ...
    def kill(self) -> None: ...


class Watch:
    """Knows whether the engine can be asked, and why not.

    An engine is hung when something waits for it and no step of it has ended for `hang_s`. With
    nothing to do it is asked for one token every `probe_s`, so that a hang shows then as well.

    Args:
        hang_s: Seconds.
        probe_s: Seconds.
        lost: Called once with the reason when the engine is lost.
    """

    def __init__(self, hang_s: float, probe_s: float, lost: Callable[[str], None]) -> None:
        self.reason = "loading the model"
        self._hang_s = hang_s
        self._probe_s = probe_s
        self._lost = lost
        self._working = 0  # requests given to the engine and not finished
        self._undisturbed = 0
        self._last_step = time.monotonic()
        self._waiting: set[asyncio.Timeout] = set()
        self._probing: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Let pass if the engine can be asked.

        Raises:
            Unavailable: It cannot.
        """
        if self.reason:
            raise Unavailable(f"not ready: {self.reason}")

    def step(self) -> None:
        """Note that the engine has done something."""
        self._last_step = time.monotonic()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Expect steps of the engine while inside."""
        if not self._working:
            # Without work it was quiet for longer than this only because nobody asked it.
            self._last_step = max(self._last_step, time.monotonic() - self._probe_s)
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Do not probe while inside: what is done there may stop the engine's steps for long."""
        self._undisturbed += 1
        try:
            yield
        finally:
            self._undisturbed -= 1
            self.step()

    async def until_lost(self, outputs: AsyncGenerator[T]) -> AsyncGenerator[T]:
        """Pass on what the engine makes.

        Raises:
            Unavailable: The engine was lost meanwhile.
        """
        with self.at_work():
            async with aclosing(outputs):
                while True:
                    try:
                        output = await self.or_lost(anext(outputs))
                    except StopAsyncIteration:
                        return
                    yield output

    async def or_lost(self, what: Awaitable[T]) -> T:
        """Return what comes.

        Raises:
            Unavailable: The engine was lost before.
        """
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._waiting.add(scope)
                try:
                    return await what
                finally:
                    self._waiting.discard(scope)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Unavailable(f"{self.reason}: try again in a minute") from error

    def lose(self, reason: str) -> None:
        """Say that the engine is of no use any more; who waits for it gets `Unavailable`."""
        self.reason = reason
        now = asyncio.get_running_loop().time()
        for scope in self._waiting:
            scope.reschedule(now)
        self._lost(reason)

    def begin(self) -> None:
        """Let the engine be asked."""
        self.reason = ""
        self.step()

    async def over(self, engine: Watched, probe: Callable[[], Awaitable[None]]) -> None:
        """Watch until the engine is lost, and dead then, or `reason` is set.

        Args:
            engine: To watch.
            probe: Lets it make one token.
        """
        try:
            while not self.reason:
                begin = time.monotonic()
                await asyncio.sleep(LOOK_S)
                # What we overslept, ourselves without a processor, is no quiet of the engine.
                late = time.monotonic() - begin - LOOK_S
                self._last_step = min(self._last_step + late, time.monotonic())
                lost = "" if self.reason else self._look(engine, probe)
                if lost:
                    engine.kill()
                    self.lose(lost)
        finally:
            if self._probing is not None:
                self._probing.cancel()

    def _look(self, engine: Watched, probe: Callable[[], Awaitable[None]]) -> str:
        """Return why the engine is lost, or an empty string; let it be probed if it is time."""
        quiet = time.monotonic() - self._last_step
        if not engine.lives():
            return "the engine has died"
        if self._working and quiet > self._hang_s:
            return f"the engine hung: no step in {self._hang_s:g} s"
        if self._probing is not None and self._probing.done():
            failed, self._probing = self._probing.exception(), None
            if failed is not None:
                return f"the engine fails when it is asked for a token: {failed}"
        is_idle = not self._working and not self._undisturbed and self._probing is None
        if is_idle and quiet > self._probe_s:
            self._probing = asyncio.create_task(self._probe(probe))
        return ""

    async def _probe(self, probe: Callable[[], Awaitable[None]]) -> None:
        with self.at_work():
            await probe()
            self.step()
