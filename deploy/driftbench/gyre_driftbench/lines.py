"""The lines of a results file: one a stream, added when it has been run."""

import json
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]
# Whose it is, digests of its code and of what makes the stream, scenario, seed, length.
Key: TypeAlias = tuple[str, str, str, str, int, int]


def key_of(line: Line) -> Key:
    """Return what a line is of; one that was written before there were digests is of no code."""
    return (
        line["detector"],
        line.get("code", ""),
        line.get("streams", ""),
        line["scenario"],
        line["seed"],
        line["length"],
    )


def read(results: Path) -> dict[Key, Line]:
    """Return the lines of a file, the last of each key; one that was cut off is left out."""
    found = {}
    for text in results.read_text().splitlines() if results.exists() else ():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        found[key_of(line)] = line
    return found


def add(results: Path, line: Line) -> None:
    """Write a line, on one of its own even if the last was cut off."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a+b") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write((json.dumps(line, allow_nan=False) + "\n").encode())
