"""Says what was measured, as it is."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from gyre_bench.figures import beside
from gyre_bench.machine import commit, machine
from gyre_bench.plan import Cell


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def told(cell: Cell, figures: dict[str, Any]) -> None:
    """Print one line of a cell."""
    added = (figures.get("added_ms") or {}).get("p50")
    say(
        f"{cell.model:14} {cell.side:9} {cell.at_once:2} at once, "
        f"{'with' if cell.retrieval else 'without'} retrieval: "
        f"{figures['tokens_per_s']:8.1f} tokens/s"
        + ("" if added is None else f", {added:.1f} ms added (p50)")
    )


def side_by_side(
    model: str, found: Mapping[str, Sequence[float]], unit: str, kept: Path, repo: Path
) -> None:
    """Print the machine, medians, and as the last line an object, which is kept too.

    Args:
        model: That both used.
        found: The values of each run, ours first, then the bare one's.
        unit: Of the values.
        kept: The file that gets the last line.
        repo: Whose commit it names.
    """
    where = machine()
    say(f"\n{where['cpu']}, {where['cores']} cores, {' '.join(where['flags'])}; {model}")
    for name, values in found.items():
        say(f"{name:12} {median(values):8.1f} {unit}  (median of {len(values)})")
    figures = beside(model, found, unit.replace("/", "_per_"))
    line = json.dumps(figures | {"commit": commit(repo), "machine": where})
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(line + "\n")
    say(line)
