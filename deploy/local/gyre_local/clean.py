"""`make clean`: a home as if nothing had ever run."""

import shutil

from gyre_local.errors import StackError
from gyre_local.progress import say
from gyre_local.stack import Stack
from gyre_local.stop import own_processes
from gyre_local.supervisor import Supervisor

# By name: GYRE_HOME may be a folder that has other things too.
DATA = ("adapters", "blobs", "data", "finetune", "kafka", "logs", "qdrant", "run")
OTHER_HOMES = ("test", "demo", "bench", "faults", "mutations")
LEFTOVERS = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis")


def empty(stack: Stack) -> None:
    """Remove what a stack wrote into its home; caches stay.

    Raises:
        StackError: It runs.
    """
    if Supervisor(stack).alive or own_processes(stack):
        raise StackError(
            f"the stack of {stack.home} runs: end it first with {stack.make_prefix()}make down"
        )
    for name in DATA:
        shutil.rmtree(stack.home / name, ignore_errors=True)


def clean(stack: Stack) -> None:
    """Empty this home and those of its tests and benches, and remove what tools left behind.

    Raises:
        StackError: One of them runs.
    """
    events = (path.name for path in stack.home.glob("bench-events-*"))
    names = (*OTHER_HOMES, *events)
    homes = [Stack(stack.home / name, stack.base, stack.repo) for name in names]
    for home in [stack, *homes]:
        empty(home)
    for name in names:
        shutil.rmtree(stack.home / name, ignore_errors=True)
    for name in LEFTOVERS:
        shutil.rmtree(stack.repo / name, ignore_errors=True)
    say(f"{stack.home} is empty; downloads and converted models stay in {stack.cache}")
