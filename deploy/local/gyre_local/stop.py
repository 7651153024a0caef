"""`make down`: end this stack, all of it, and nothing else."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gyre_local.errors import StackError
from gyre_local.progress import Progress
from gyre_local.stack import Stack
from gyre_local.supervisor import GONE, Supervisor

PATIENCE_S = 60
POLL_S = 0.2


def down(stack: Stack) -> None:
    """Stop the services, then Kafka, then the supervisor; data stays.

    Raises:
        StackError: Something of this stack cannot be ended.
    """
    progress = Progress()
    supervisor = Supervisor(stack)
    if not supervisor.alive and not own_processes(stack):
        progress.step(f"no stack of {stack.home} runs")
        return
    if supervisor.alive:
        # All services at once, while Kafka still takes their last words.
        for name in supervisor.processes():
            if name != "kafka":
                supervisor.stop(name)
        _until(lambda: not _busy(supervisor))
        with suppress(*GONE):
            supervisor.shutdown()
        _until(lambda: not supervisor.alive)
        _until(lambda: not supervisor.pidfile.exists())
    end_leftovers(stack)
    progress.step(f"the stack of {stack.home} is stopped")


def end_leftovers(stack: Stack) -> None:
    """End what outlived its supervisor, politely first.

    Raises:
        StackError: It does not end.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in own_processes(stack):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        _until(lambda: not own_processes(stack), patience_s=10)
    if left := own_processes(stack):
        raise StackError(f"processes {left} of this stack do not end")


def own_processes(stack: Stack) -> list[int]:
    """Pids of what this stack's supervisor started, even when the supervisor is gone.

    Supervisor names its own socket in the environment of whatever it starts.
    """
    mark = f"SUPERVISOR_SERVER_URL=unix://{stack.run}/supervisor.sock".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:  # ended meanwhile, or someone else's
            continue
    return [pid for pid in found if pid != os.getpid()]


def _busy(supervisor: Supervisor) -> bool:
    return any(process.pid and name != "kafka" for name, process in supervisor.processes().items())


def _until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_S)
