"""`make status` and `make logs`: what runs, and what it says."""

import os
import subprocess

from gyre_local.errors import StackError
from gyre_local.progress import say
from gyre_local.ready import is_ready
from gyre_local.stack import RUNNER, SERVICES, Stack
from gyre_local.supervisor import Supervisor


def status(stack: Stack) -> None:
    """Print each program with its state.

    Raises:
        StackError: The stack does not run.
    """
    processes = Supervisor(stack).processes()
    if not processes:
        raise StackError(f"the stack of {stack.home} does not run: {stack.make_prefix()}make up")
    for name, process in processes.items():
        state = process.state.lower()
        if name.removesuffix(RUNNER) in SERVICES and process.state == "RUNNING":
            fine, reason = is_ready(stack, name)
            state = "ready" if fine else f"not ready: {reason.strip()}"
        say(f"{name:18} {state:10} {process.description}")


def logs(stack: Stack) -> None:
    """Follow the logs, of `SERVICE` or of everything, until interrupted.

    Raises:
        StackError: There is no such log.
    """
    service = os.environ.get("SERVICE", "")
    files = sorted(stack.logs.glob(f"{service or '*'}.log"))
    if not files:
        raise StackError(f"no log of {service or 'anything'} in {stack.logs}")
    subprocess.run(["tail", "-n", "20", "-F", *map(str, files)], check=False)
