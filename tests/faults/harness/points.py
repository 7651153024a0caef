"""Arms the faultpoints of a stack's services, and reads what they noted."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tests.faults.inside.faultpoints import FILE, HITS


@dataclass(frozen=True)
class Point:
    """What happens before the handlers of a service.

    Args:
        service: Whose.
        action: What, after `seconds`; `pass` is nothing more. `index` is no handler's: all
            calls of retrieval to its index fail; `lose` deletes there, before each call, the
            vectors of the collection that `containing` names.
        seconds: Of sleep.
        share: Of the attempts, drawn by `seed` in each process.
        containing: Only records with this in their body.
    """

    service: str
    action: Literal["pass", "unavailable", "bug", "cancel", "index", "lose"]
    seconds: float = 0.0
    share: float = 1.0
    containing: str = ""
    seed: int = 0


class Noted:
    """What the services of a home note from now on."""

    def __init__(self, home: Path) -> None:
        self._path = home / HITS
        self._begin = self._path.stat().st_size if self._path.exists() else 0

    def lines(self) -> list[dict[str, Any]]:
        """Return all of it, as far as it is written."""
        if not self._path.exists():
            return []
        with self._path.open() as file:
            file.seek(self._begin)
            return [json.loads(line) for line in file if line.endswith("\n")]

    def hits(self) -> list[dict[str, Any]]:
        """Return the attempts that the armed point concerned."""
        return [each for each in self.lines() if "fires" in each]

    def assignments(self, service: str) -> int:
        """Return how often a consumer of `service` was given its partitions."""
        return sum(each["service"] == service for each in self.lines() if "assigned" in each)


@contextmanager
def armed(home: Path, point: Point) -> Iterator[Noted]:
    """Have `point` armed while inside."""
    noted = Noted(home)
    partial = home / f"{FILE}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(point)))
    partial.rename(home / FILE)
    try:
        yield noted
    finally:
        (home / FILE).unlink(missing_ok=True)
