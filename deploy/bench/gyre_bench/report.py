"""The table, and the one line of JSON at the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from gyre_bench.plan import CROWD, GEMMA, SIDES, Cell, Side
from gyre_bench.processes import CLIENT, ENGINE

Measured = Mapping[Cell, dict[str, Any]]

SHOWN = (CLIENT, "gateway", "inference", ENGINE, "retrieval", "kafka")  # the others are summed
AS_CLIENT = ("bare",)  # asks itself
HEAD = (
    *("model", "retrieval", "at once", "side", "tokens/s", "of bare", "first p50"),
    *("wall p50", "added p50", "p95", "p99", "whole", *SHOWN, "others"),
)


@dataclass(frozen=True)
class Wanted:
    """A figure that was set as a goal."""

    name: str
    most: float | None = None
    least: float | None = None

    def judged(self, figures: Mapping[str, Any]) -> str:
        """Return the goal beside what was measured."""
        value = figures[self.name]
        goal = f"at least {self.least:g}" if self.most is None else f"at most {self.most:g}"
        return f"{self.name}: {'not measured' if value is None else value}, wanted {goal}"


GOALS = (
    Wanted("throughput_ratio", least=0.95),
    Wanted("added_p50_ms", most=5),
    Wanted("added_p99_ms", most=15),
    Wanted("added_to_litellm", most=0.33),
)


def throughput(measured: Measured, cell: Cell) -> float | None:
    """Return the tokens/s of a cell, the mean of its rounds."""
    rounds = [measured[one] for one in (replace(cell, round=n) for n in (1, 2)) if one in measured]
    return fmean(figures["tokens_per_s"] for figures in rounds) if rounds else None


def ratio(measured: Measured, cell: Cell) -> float | None:
    """Return the share of the bare engine's throughput."""
    ours, bare = throughput(measured, cell), throughput(measured, replace(cell, side="bare"))
    return round(ours / bare, 3) if ours is not None and bare else None


def summary(measured: Measured, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the last line says: of Gemma, or of the only model that was measured."""
    models = list(dict.fromkeys(cell.model for cell in measured))
    model = GEMMA if GEMMA in models or not models else models[-1]

    def added(side: Side, share: str) -> float | None:
        figures = measured.get(Cell(model, side, 1, False), {})
        value: float | None = (figures.get("added_ms") or {}).get(share)
        return value

    ours, theirs = added("gateway", "p50"), added("litellm", "p50")
    return {
        "model": model,
        "throughput_ratio": ratio(measured, Cell(model, "gateway", CROWD, False)),
        "throughput_ratio_grpc": ratio(measured, Cell(model, "inference", CROWD, False)),
        "added_p50_ms": ours,
        "added_p99_ms": added("gateway", "p99"),
        "added_grpc_p50_ms": added("inference", "p50"),
        "added_grpc_p99_ms": added("inference", "p99"),
        "litellm_added_p50_ms": theirs,
        "added_to_litellm": round(ours / theirs, 2) if ours and theirs else None,
        "machine": dict(machine),
        "cells": len(measured),
    }


def unequal(measured: Measured) -> list[str]:
    """Return where a side had other prompts than the bare engine, which must not be."""
    found = []
    for cell, figures in measured.items():
        bare = measured.get(replace(cell, side="bare"))
        if bare and bare["prompt_tokens"] != figures["prompt_tokens"]:
            found.append(
                f"{cell.model} {cell.side} {cell.at_once} at once: {figures['prompt_tokens']} "
                f"tokens in prompts, and {bare['prompt_tokens']} for the bare engine"
            )
    return found


def table(measured: Measured) -> str:
    """Return all cells side by side; milliseconds, and cores that each process kept busy."""
    cells = [cell for cell in measured if cell.round == 1]
    cells.sort(key=lambda c: (c.model, c.retrieval, c.at_once, SIDES.index(c.side)))
    return aligned([HEAD, *(_row(measured, cell) for cell in cells)])


def _row(measured: Measured, cell: Cell) -> tuple[str, ...]:
    figures = measured[cell]
    added = figures.get("added_ms") or {}
    cores = dict(figures["cores"])
    if cell.side in AS_CLIENT:
        cores[CLIENT] = cores.pop(cell.side, 0.0)
    shown = [_number(cores.pop(name, None), 2) for name in SHOWN]
    return (
        cell.model,
        "with" if cell.retrieval else "without",
        str(cell.at_once),
        cell.side,
        _number(throughput(measured, cell), 1),
        _number(ratio(measured, cell), 3),
        _number((figures["first_ms"] or {}).get("p50"), 1),
        _number((figures.get("wall_ms") or {}).get("p50"), 1),
        *(_number(added.get(share), 1) for share in ("p50", "p95", "p99")),
        str(figures.get("whole", 0)),
        *shown,
        _number(sum(cores.values()), 2),
    )


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def aligned(rows: Iterable[Sequence[str]]) -> str:
    r"""Return rows with each column as wide as its widest entry.

    >>> aligned([("a", "bc"), ("def", "g")])
    '  a  bc\ndef   g'
    """
    lines = list(rows)
    widths = [max(len(row[number]) for row in lines) for number in range(len(lines[0]))]
    return "\n".join(
        "  ".join(entry.rjust(width) for entry, width in zip(row, widths, strict=True))
        for row in lines
    )
