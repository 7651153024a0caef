"""Processes that a bench starts itself, and ends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gyre_bench.errors import BenchError
from gyre_local.progress import tail
from gyre_local.stack import REPO

LIMIT_S = 900.0
POLL_S = 0.1
END_S = 60.0


@contextmanager
def spawned(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator["Spawned"]:
    """Run a command until the block is left; then it ends, with all that it started.

    Args:
        command: The program and its arguments.
        log: Where its output goes.
        environment: More of it than ours.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=REPO,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, to be ended as one
        )
    try:
        yield Spawned(process, begin, log)
    finally:
        _end(process)


class Spawned:
    """A process that runs.

    Args:
        process: Its handle.
        begin: When it was spawned, by `perf_counter`.
        log: Of its output.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", begin: float, log: Path) -> None:
        self._process = process
        self._begin = begin
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def until(self, ready: Callable[[], bool], limit_s: float = LIMIT_S) -> float:
        """Wait until it is ready; return the seconds since it was spawned.

        Raises:
            BenchError: It ended, or takes too long; has the end of its log.
        """
        while not ready():
            self.check()
            if time.perf_counter() - self._begin > limit_s:
                raise self._failure("is not ready")
            time.sleep(POLL_S)
        return time.perf_counter() - self._begin

    def check(self) -> None:
        """Return if it runs.

        Raises:
            BenchError: It ended; has the end of its log.
        """
        if self._process.poll() is not None:
            raise self._failure(f"ended with {self._process.returncode}")

    def _failure(self, what: str) -> BenchError:
        seconds = time.perf_counter() - self._begin
        return BenchError(
            f"{self._process.args!r} {what} after {seconds:.0f} s. "
            f"The end of {self._log}:\n{tail(self._log)}"
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process politely, then whatever is left of its group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
