"""Says what was measured, as it is."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
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
    rows = [
        f"{name:12} {median(values):8.1f} {unit}  (median of {len(values)})"
        for name, values in found.items()
    ]
    concluded(rows, beside(model, found, unit.replace("/", "_per_")), kept, repo)


def concluded(rows: Iterable[str], figures: Mapping[str, Any], kept: Path, repo: Path) -> None:
    """Print the machine, rows, and as the last line the figures, which are kept too.

    Args:
        rows: For people.
        figures: With the name of the `model`.
        kept: The file that gets the last line.
        repo: Whose commit it names.
    """
    where = machine()
    flags = " ".join(where["flags"])
    say(f"\n{where['cpu']}, {where['cores']} cores, {flags}; {figures['model']}")
    for row in rows:
        say(row)
    line = json.dumps({**figures, "commit": commit(repo), "machine": where})
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(line + "\n")
    say(line)
