"""How much of the processor each process takes."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from time import perf_counter

import psutil

ENGINE, CLIENT = "engine", "client"
ENGINES_OF = ("inference", "bare", "endpoint")  # their child process is the engine
WINDOW_S = 1.0
PATIENCE_S = 20.0
SLACK = 0.1  # cores more than at the quietest that still count as quiet


class Processes:
    """The processes of a measurement, and their children as they are at its beginning.

    Args:
        pids: By name; `client` asks, and its children have names of their own.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        # Looked up once: that takes as long as some requests, and would be counted.
        self._all = [(name, one) for top, pid in pids.items() for name, one in _tree(top, pid)]
        self._quietest = float("inf")

    def used(self) -> dict[str, float]:
        """Return the seconds of processor that each has used so far."""
        used: dict[str, float] = defaultdict(float)
        for name, process in self._all:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[name] += float(times.user + times.system)
        return dict(used)

    def shares(self, before: Mapping[str, float], elapsed_s: float) -> dict[str, float]:
        """Return how many cores each has kept busy since `before`."""
        return {
            name: round(max(0.0, seconds - before.get(name, 0.0)) / elapsed_s, 3)
            for name, seconds in self.used().items()
        }

    async def quiet(self) -> None:
        """Wait until what was asked before has been scored, counted and stored, or long enough."""
        end = perf_counter() + PATIENCE_S
        while True:
            before, begin = self.used(), perf_counter()
            await asyncio.sleep(WINDOW_S)
            busy = sum(self.shares(before, perf_counter() - begin).values())
            self._quietest = min(self._quietest, busy)
            if busy <= self._quietest + SLACK or perf_counter() > end:
                return


def _tree(name: str, pid: int) -> list[tuple[str, psutil.Process]]:
    """Return a process and those that it has started, each with its name."""
    top = psutil.Process(pid)
    children = [] if name == CLIENT else top.children(recursive=True)
    below = ENGINE if name in ENGINES_OF else name
    return [(name, top), *((below, child) for child in children)]
