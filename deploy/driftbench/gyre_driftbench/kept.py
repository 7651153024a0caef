"""Figures of the baselines from what is in the repository: for a look that takes minutes."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from gyre_driftbench.contenders import GYRE
from gyre_driftbench.figures import figures
from gyre_driftbench.lines import Line, read

FULL = "full.json"
OLDER = "baselines.jsonl"


def kept(results: Path) -> tuple[dict[str, Any], str]:
    """Return the others' figures, by a name that says of when, and what they are from.

    They are those of the last whole run; without one, of lines that older code left.
    """
    path = results / FULL
    if path.exists():
        last = json.loads(path.read_text())
        day = last["at"][:10]
        return {
            f"{name} (run of {day})": one
            for name, one in last["figures"].items()
            if name != GYRE.name
        }, f"{path}: whole run of {day}"
    by: dict[str, list[Line]] = defaultdict(list)
    for line in read(results / OLDER).values():
        by[line["detector"]].append(line)
    found = {f"{name} (older code)": figures(lines) for name, lines in by.items()}
    seeds = sorted({seed for one in found.values() for seed in one["seeds"]})
    if not seeds:
        return {}, f"nothing: no {FULL} in {results}"
    return found, f"{results / OLDER}: lines of older code, seeds {seeds[0]} to {seeds[-1]}"
