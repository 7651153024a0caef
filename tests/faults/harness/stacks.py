"""A stack for each fault: none finds what another one has left."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gyre_bench.stack import local
from gyre_local.errors import StackError
from gyre_local.stack import Stack
from tests.faults.harness.fault import Fault

DISK = "size=256m"


@contextmanager
def stack_for(fault: Fault, stack: Stack) -> Iterator[None]:
    """Have an empty stack run while inside.

    Raises:
        BenchError: It does not start, or end.
        StackError: A fault wants file systems that we may not make.
    """
    local("down")
    local("empty")
    with ExitStack() as ends:
        for name in fault.disks:
            ends.enter_context(_disk(stack.home / name))
        ends.callback(local, "down")
        local("up")
        yield


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Have a file system of its own there, in memory, so small that it can be filled."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", DISK, "gyre-faults", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"only root may make a file system to be filled: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
