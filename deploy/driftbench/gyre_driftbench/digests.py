"""What a line was made by: lines of other code are not taken for those of now."""

import inspect
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gyre_driftbench.collecting import TEXTS
from gyre_driftbench.scenarios import Scenario

HERE = Path(__file__).parent
STREAMS = (
    *("observation.py", "pool.py", "reading.py", "world.py"),
    *("running.py", "scenarios/__init__.py"),
)


def of_streams(scenario: Scenario, pool: Path) -> str:
    """Return a digest of all that a scenario's streams are made and run by.

    Args:
        scenario: Whose module counts, and none of the others.
        pool: A file of vectors.
    """
    own = Path(inspect.getfile(scenario.make))
    files = (*(HERE / name for name in STREAMS), pool, own)
    return _short([of_texts(), *map(_of, files)])


def of_texts() -> str:
    """Return a digest of all texts, without which a file of vectors says nothing."""
    return _short([_of(path) for path in sorted(TEXTS.glob("*.jsonl.gz"))])


def of_detector(detector: Any) -> str:
    """Return a digest of a detector's code.

    That is the files of its class and of those that it extends, the versions of the `LIBRARIES`
    that its module names, and what a static `code()` of it returns.
    """
    classes = [one for one in inspect.getmro(detector) if one.__module__ != "builtins"]
    files = sorted({Path(inspect.getfile(one)) for one in classes})
    named = getattr(import_module(detector.__module__), "LIBRARIES", ())
    own = detector.code() if hasattr(detector, "code") else ""
    return _short([*map(_of, files), *map(_version, named), own])


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} is not there"


@cache
def _of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _short(parts: list[str]) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:12]
