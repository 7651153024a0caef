"""Tables of figures, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from gyre_driftbench.figures import Interval

Figures = Mapping[str, Any]


def tables(known: Mapping[str, Figures]) -> str:
    """Return run lengths, delays and costs of several detectors, one a column."""
    names = list(known)
    scenarios = list(next(iter(known.values()))["delay"])
    unchanged = list(next(iter(known.values()))["arl0"])
    parts = [
        _table(
            ["events between false alarms", *names],
            [
                [row, *(_of(known[n]["arl0"].get(row), "{:,.0f}") for n in names)]
                for row in unchanged
            ],
        ),
        _table(
            ["those alarms, in so many of the streams, most in one", *names],
            [
                [row, *(_alarms(known[n].get("alarms", {}).get(row)) for n in names)]
                for row in unchanged
            ],
        ),
        _table(
            ["delay in questions, median", *names],
            [
                [row, *(_of(known[n]["delay"].get(row), "{:.0f}") for n in names)]
                for row in scenarios
            ],
        ),
        _table(
            ["found within 1,000", *names],
            [
                [row, *(_of(known[n]["detection_rate"].get(row), "{:.0%}") for n in names)]
                for row in scenarios
            ],
        ),
        _table(["", *names], [[row, *cells] for row, cells in _rest(known, names)]),
    ]
    return "\n".join(parts)


def _rest(known: Mapping[str, Figures], names: Sequence[str]) -> list[tuple[str, list[str]]]:
    return [
        ("F1, window of 500", [f"{known[n]['f1']:.3f}" for n in names]),
        ("called wrongly", [_of(known[n]["wrong_cause"], "{:.1%}") for n in names]),
        ("false at encoder_swap", [str(known[n]["false_at_swap"]) for n in names]),
        ("microseconds a question", [f"{known[n]['us_per_event']:.0f}" for n in names]),
        ("state, KiB", [_size(known[n]["bytes"]) for n in names]),
        ("seeds", [str(known[n]["seeds"]) for n in names]),
    ]


def _of(interval: Interval | None, shape: str) -> str:
    if interval is None:
        return "-"
    middle, low, high = interval
    return f"{shape.format(middle)} ({shape.format(low)} to {shape.format(high)})"


def _alarms(counts: Sequence[int] | None) -> str:
    """Return how alarms are spread: an interval of how often takes each for one by itself."""
    if not counts:
        return "-"
    some = sum(count > 0 for count in counts)
    return f"{sum(counts)} in {some} of {len(counts)}, {max(counts)}"


def _size(size: int | None) -> str:
    return "-" if size is None else f"{size / 1024:.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
