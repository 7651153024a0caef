"""What was measured, one line of JSON a cell, and what need not be measured again."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gyre_bench.machine import UNKNOWN, commit, machine
from gyre_bench.plan import Cell, Size

PASSED_ON = ("GYRE_", "VLLM_", "OMP_")
# Where a stack lies does not change what is measured.
PLACES = ("GYRE_HOME", "GYRE_PORT_BASE")


def made_by(repo: Path, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return what has to be the same for two measurements to be one."""
    settings = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(PASSED_ON) and name not in PLACES
    }
    # Settings may be secrets.
    digest = sha256(json.dumps(settings).encode()).hexdigest()[:12]
    return {"commit": commit(repo), "settings": digest, "machine": machine()}


class Results:
    """A file of cells, to which lines are only added.

    Args:
        path: Of the file.
        made_by: What its measurements must have in common to be taken from it.
    """

    def __init__(self, path: Path, made_by: Mapping[str, Any]) -> None:
        self._path = path
        self.made_by = dict(made_by)

    def find(self, cell: Cell, size: Size) -> dict[str, Any] | None:
        """Return the figures of a cell, the newest, or None if it is still to be measured."""
        wanted = self._head(cell, size)
        if self.made_by["commit"] == UNKNOWN:
            return None
        for line in reversed(self._lines()):
            if all(line.get(name) == value for name, value in wanted.items()):
                figures: dict[str, Any] = line["figures"]
                return figures
        return None

    def add(self, cell: Cell, size: Size, figures: Mapping[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = {**self._head(cell, size), "figures": dict(figures), "at": at}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        written = self._path.read_bytes() if self._path.exists() else b""
        with self._path.open("a") as file:
            if written and not written.endswith(b"\n"):  # cut off: it must not swallow this one
                file.write("\n")
            file.write(json.dumps(line) + "\n")

    def _head(self, cell: Cell, size: Size) -> dict[str, Any]:
        return {"cell": asdict(cell), "size": asdict(size), "made_by": self.made_by}

    def _lines(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = []
        for text in self._path.read_text().splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:  # cut off by a kill
                continue
        return lines
