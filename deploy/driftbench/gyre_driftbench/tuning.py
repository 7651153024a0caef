"""Which settings of a detector compare fairly: those with no more false alarms than another's."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from gyre_driftbench.figures import figures
from gyre_driftbench.running import Line

FOUND = ("abrupt_switch", "partial_20", "label_shift")  # that settings are compared on


def false_alarms(lines: Sequence[Line]) -> tuple[int, int]:
    """Return how many alarms there were where nothing changed, in how many questions."""
    mine = [line for line in lines if line["scenario"].startswith("none")]
    return sum(len(line["alarms"]) for line in mine), sum(line["length"] for line in mine)


def most_allowed(lines: Sequence[Line], wanted: float) -> int:
    """Return how many false alarms a detector may have in as many questions as these.

    Args:
        lines: Of the detector that is compared with.
        wanted: Mean number of questions between false alarms.
    """
    alarms, events = false_alarms(lines)
    return max(alarms, round(events / wanted))


def chosen(lines: Sequence[Line], allowed: float) -> dict[str, Any] | None:
    """Return the settings that are soonest right of those that are rarely enough wrong.

    If none is, the one that is least often wrong: its delays are then too good, and say so.

    Args:
        lines: Of one detector with several settings, in `settings`.
        allowed: False alarms a question.
    """
    by: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by[json.dumps(line["settings"], sort_keys=True)].append(line)
    if not by:
        return None
    rates = {}
    for text, mine in by.items():
        alarms, events = false_alarms(mine)
        rates[text] = alarms / max(1, events)
    fair = [text for text, rate in rates.items() if rate <= allowed]
    if not fair:
        found: dict[str, Any] = json.loads(min(rates, key=lambda text: rates[text]))
        return found
    best: dict[str, Any] = json.loads(min(fair, key=lambda text: _delay(by[text])))
    return best


def _delay(lines: Sequence[Line]) -> float:
    delays = figures(lines)["delay"]
    return float(sum(interval[0] for interval in delays.values()))


def at_most_half(
    gyre: dict[str, Any], others: Sequence[dict[str, Any]]
) -> tuple[list[str], list[str]]:
    """Return scenarios found in half of the best other's time, and those that none of them finds.

    Args:
        gyre: Figures of the detector that is looked at.
        others: Those of the others. What the best of them misses in over half of the seeds is
            listed apart, and does not count.
    """
    half, apart = [], []
    for name, (delay, _, _) in gyre["delay"].items():
        there = [one for one in others if name in one["delay"]]
        if not there:
            continue
        if max(one["detection_rate"][name][0] for one in there) < 0.5:
            apart.append(name)
        elif 2 * delay <= min(one["delay"][name][0] for one in there):
            half.append(name)
    return half, apart
