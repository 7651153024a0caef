"""Tables of figures, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from gyre_driftbench.figures import is_compared
from gyre_driftbench.measuring import Interval
from gyre_driftbench.tuning import WANTED

MARK = "(*)"
Figures = Mapping[str, Any]


def tables(known: Mapping[str, Figures]) -> str:
    """Return run lengths, delays and costs of several detectors, one a column.

    A scenario that not all of them can see is marked.
    """
    names = list(known)
    scenarios = list(dict.fromkeys(row for one in known.values() for row in one["delay"]))
    unchanged = list(dict.fromkeys(row for one in known.values() for row in one["arl0"]))

    def by(figure: str, rows: Sequence[str], shape: str) -> list[list[str]]:
        return [
            [_marked(row), *(_of(known[n][figure].get(row), shape) for n in names)] for row in rows
        ]

    parts = [
        _table(
            ["events between false alarms", *names],
            [
                *by("arl0", unchanged, "{:,.0f}"),
                ["all, by seed", *(_of(known[n]["arl0_all"], "{:,.0f}") for n in names)],
                ["is that one in 50,000", *(_fair(known[n]) for n in names)],
            ],
        ),
        _table(
            ["those alarms, in so many of the streams, most in one", *names],
            [[row, *(_alarms(known[n]["alarms"].get(row)) for n in names)] for row in unchanged],
        ),
        _table(["delay in questions, median", *names], by("delay", scenarios, "{:.0f}")),
        _table(["delay, 95th of a hundred", *names], by("delay_p95", scenarios, "{:.0f}")),
        _table(["found within 1,000", *names], by("detection_rate", scenarios, "{:.0%}")),
        _table(["", *names], [[row, *cells] for row, cells in _rest(known, names)]),
    ]
    if any(not is_compared(row) for row in scenarios):
        parts.append(f"{MARK}: not seen by who has the vectors alone, or not compared otherwise.\n")
    return "\n".join(parts)


def _marked(row: str) -> str:
    return row if is_compared(row) else f"{row} {MARK}"


def _rest(known: Mapping[str, Figures], names: Sequence[str]) -> list[tuple[str, list[str]]]:
    return [
        ("F1, window of 500", [_of(known[n]["f1"], "{:.3f}") for n in names]),
        (f"F1 without {MARK}", [_of(known[n]["f1_compared"], "{:.3f}") for n in names]),
        ("called wrongly", [_of(known[n]["wrong_cause"], "{:.1%}") for n in names]),
        ("false at encoder_swap", [_count(known[n]["false_at_swap"]) for n in names]),
        ("microseconds a question", [_of(known[n]["us_per_event"], "{:.0f}") for n in names]),
        ("state, KiB", [_size(known[n]["bytes"]) for n in names]),
        ("seeds", [str(len(known[n]["seeds"])) for n in names]),
    ]


def _of(interval: Interval | None, shape: str) -> str:
    if interval is None:
        return "-"
    middle, low, high = interval
    if high is None:
        return f"{shape.format(middle)} ({shape.format(low)} or more)"
    return f"{shape.format(middle)} ({shape.format(low)} to {shape.format(high)})"


def _fair(known: Figures) -> str:
    if known["fair"] is None:
        return "-"
    if known["fair"]:
        return "as far as can be told"
    return f"no, more {'rarely' if known['arl0_all'][0] > WANTED else 'often'}"


def _count(count: int | None) -> str:
    return "-" if count is None else str(count)


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
