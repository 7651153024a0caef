"""Which settings compare fairly: of those that are as rarely wrong as all are to be, the soonest.

Each detector has one number that says how rarely it is wrong: the threshold of what it scores,
found from its scores, or one that its module lists steps of, from often to rarely wrong, of which
the first that is rarely enough wrong is found by halving.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from gyre_driftbench.lines import Line
from gyre_driftbench.measuring import Run
from gyre_driftbench.scoring import Scores, alarms, threshold_for

UNCHANGED = ("none", "none_seasonal", "none_sessions")
FOUND = ("abrupt_switch", "partial_20", "label_shift")  # that settings are compared on
WANTED = 50_000.0  # mean number of questions between false alarms


@dataclass(frozen=True)
class Tuned:
    """Settings, and what they are on the streams that they were searched on.

    Attributes:
        settings: All of them.
        false: Alarms where nothing changed.
        events: Questions there.
        log_delay: The mean logarithm of the delay; a change that is missed counts as the stream's
            length.
    """

    settings: dict[str, Any]
    false: int
    events: int
    log_delay: float

    @property
    def is_rare(self) -> bool:
        return self.false <= most_allowed(self.events)


def most_allowed(events: int) -> int:
    """Return how many false alarms a detector may have in so many questions."""
    return round(events / WANTED)


def best(tuned: Sequence[Tuned]) -> Tuned:
    """Return the soonest of those that are rarely enough wrong; if none is, the most rarely wrong.

    The delays of that one are too good, and its figures say so.
    """
    fair = [one for one in tuned if one.is_rare]
    if not fair:
        return min(tuned, key=lambda one: one.false)
    return min(fair, key=lambda one: one.log_delay)


def of_lines(settings: dict[str, Any], lines: Sequence[Line]) -> Tuned:
    """Return what lines of both kinds of scenario say of settings."""
    same = [line for line in lines if line["scenario"] in UNCHANGED]
    delays = [
        _delay([place for place, _ in line["alarms"]], line["changes"], line["length"])
        for line in lines
        if line["scenario"] not in UNCHANGED
    ]
    return Tuned(
        settings,
        sum(len(line["alarms"]) for line in same),
        sum(line["length"] for line in same),
        _mean_log(delays),
    )


def of_traces(settings: dict[str, Any], traces: Sequence[Mapping[str, Any]]) -> Tuned:
    """Return settings with the threshold that is as rarely wrong as it is to be.

    Args:
        settings: Without it.
        traces: Of each stream its `scenario`, `length`, `scores`, `changes` and `quiet`.
    """
    quiet = int(traces[0]["quiet"])
    same: list[Scores] = [one["scores"] for one in traces if one["scenario"] in UNCHANGED]
    events = sum(len(scores) for scores in same)
    threshold = threshold_for(same, most_allowed(events), quiet)
    delays = [
        _delay(alarms(one["scores"], threshold, quiet), one["changes"], one["length"])
        for one in traces
        if one["scenario"] not in UNCHANGED
    ]
    return Tuned(
        settings | {"threshold": threshold},
        sum(len(alarms(scores, threshold, quiet)) for scores in same),
        events,
        _mean_log(delays),
    )


def first_rare(steps: Sequence[float], is_rare: Callable[[float], bool]) -> float:
    """Return the first step that is rarely enough wrong, the last if none is.

    Args:
        steps: From often to rarely wrong.
        is_rare: Asked of some of them.
    """
    low, high = -1, len(steps) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if is_rare(steps[middle]):
            high = middle
        else:
            low = middle
    return steps[high]


def _delay(places: Sequence[int], changes: Sequence[int], length: int) -> int:
    return Run([(place, "drift") for place in places], changes, frozenset(), length).delay


def _mean_log(delays: Sequence[int]) -> float:
    return sum(log(delay) for delay in delays) / max(1, len(delays))
