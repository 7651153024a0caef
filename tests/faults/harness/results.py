"""What was tried: a line a trial, appended; the last one about a trial counts."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from tests.faults.harness.fault import Fault, Tier, Trial

Line: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str, int]  # what was hurt, and for which time

NO_JUDGEMENT = "no judgement: "
ATTEMPTS = 2  # at a judgement


def unjudged(into: str, error: BaseException) -> Trial:
    """Return a trial that failed before anything could be counted."""
    said = f"{NO_JUDGEMENT}{error!r}"[:500]
    return Trial(into, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, broken=(said,))


class Results:
    """The trials of one tier and one seed, in a file of all seeds.

    Args:
        folder: With a file for each tier.
        tier: Which one.
        seed: Of the trials.
    """

    def __init__(self, folder: Path, tier: Tier, seed: int) -> None:
        self._path = folder / f"faults-{tier}.jsonl"
        self._tier, self._seed = tier, seed

    def logs(self, fault: Fault, into: str, number: int) -> Path:
        """Return a folder for what the services said in a trial."""
        name = f"{self._tier}-{self._seed}-{fault.name}-{into}-{number}"
        return self._path.parent / "logs" / name

    def add(self, fault: Fault, number: int, trial: Trial, made_by: Line) -> None:
        """Keep what a trial led to."""
        line = {"fault": fault.name, "number": number, "seed": self._seed}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        cut = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a") as file:
            file.write("\n" * cut + json.dumps({**line, **asdict(trial), **made_by}) + "\n")

    def read(self) -> list[Line]:
        """Return the last line about each trial, in the order in which they were first tried."""
        return list({_key(line): line for line in self._lines()}.values())

    def tried_again(self) -> list[Line]:
        """Return the lines about trials that a later one has replaced."""
        last = self.read()
        return [line for line in self._lines() if line not in last]

    def left(self, fault: Fault) -> list[Place]:
        """Return the trials of a fault that have no judgement yet, and may still get one."""
        tried: dict[tuple[object, ...], int] = {}
        for line in self._lines():
            tried[_key(line)] = tried.get(_key(line), 0) + (1 if _is_unjudged(line) else ATTEMPTS)
        return [
            (into, number)
            for into, number in fault.plan(self._tier)
            if tried.get((fault.name, into, number), 0) < ATTEMPTS
        ]

    def _lines(self) -> Iterator[Line]:
        for text in self._path.read_text().splitlines() if self._path.exists() else ():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:  # cut off: it was the last of a run
                continue
            if line["seed"] == self._seed:
                yield line


def _key(line: Line) -> tuple[object, ...]:
    return line["fault"], line["into"], line["number"]


def _is_unjudged(line: Line) -> bool:
    return any(said.startswith(NO_JUDGEMENT) for said in line["broken"])
