"""How much the processes of a stack grow while something lasts."""

import threading
from collections.abc import Iterable, Iterator, Mapping

import psutil

from tests.faults.harness.fault import Field

LOOK_S = 1.0
GROWS_MIB = 64.0
ENDED = 2**50  # bytes, of a process that is no more: what another one needs says nothing


class Growth:
    """Looks each second while inside; what is resident at its beginning is no growth.

    Args:
        field: Whose stack.
        programs: Which processes of it.
    """

    def __init__(self, field: Field, programs: Iterable[str]) -> None:
        running = field.supervisor.processes()
        self._processes = {name: psutil.Process(running[name].pid) for name in programs}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Growth":
        self._before = {name: one.memory_info().rss for name, one in self._processes.items()}
        self._most = dict(self._before)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def figures(self) -> dict[str, float]:
        """Return by how many MiB each was larger at most; very many of one that has ended."""
        return {
            _figure(name): round((self._most[name] - before) / 2**20, 1)
            for name, before in self._before.items()
        }

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            for name, process in self._processes.items():
                try:
                    self._most[name] = max(self._most[name], process.memory_info().rss)
                except psutil.NoSuchProcess:
                    self._most[name] = ENDED


def grown(figures: Mapping[str, float], programs: Iterable[str]) -> Iterator[str]:
    """Say which of these programs grew by too much, by what `Growth` has found."""
    for name in programs:
        mib = figures[_figure(name)]
        if mib > ENDED / 2**21:
            yield f"{name} ended meanwhile"
        elif mib > GROWS_MIB:
            yield f"{name} grew by {mib:.0f} MiB"


def _figure(program: str) -> str:
    return f"{program}_grew_mib"
