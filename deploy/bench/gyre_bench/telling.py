"""Says what was measured, as it is."""

import sys
from typing import Any

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
