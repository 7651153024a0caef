"""The figures of one detector, from its lines."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from gyre_driftbench.measuring import Run, f1, median, run_length, share
from gyre_driftbench.running import Line

Interval: TypeAlias = tuple[float, float, float]  # the estimate, and both ends at 95 %

REFUSED = "encoder_swap"  # where to compare at all would be wrong


def figures(lines: Sequence[Line]) -> dict[str, Any]:
    """Return what is known of one detector.

    `arl0`, `delay` and `detection_rate` are intervals by scenario; `alarms` are those of each
    stream in which nothing changes; `f1` and `wrong_cause` are over all changed ones;
    `us_per_event` and `bytes` are the median and the largest. `wrong_cause` of one that names none
    is None, as are the `bytes` of one that cannot be stored.
    """
    by_scenario: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_scenario[line["scenario"]].append(line)
    unchanged = {name: each for name, each in by_scenario.items() if name.startswith("none")}
    changed = {
        name: [_run(line) for line in each]
        for name, each in by_scenario.items()
        if not name.startswith("none") and name != REFUSED
    }
    runs = [run for each in changed.values() for run in each]
    named = [run for run in runs if run.detected and run.cause != "drift"]
    wrong = sum(run.cause not in run.causes for run in named)
    sizes = [line["bytes"] for line in lines]
    return {
        "arl0": {name: _arl0(each) for name, each in unchanged.items()},
        "alarms": {
            name: [len(line["alarms"]) for line in each] for name, each in unchanged.items()
        },
        "delay": {name: median([run.delay for run in each]) for name, each in changed.items()},
        "delay_p95": {
            name: float(np.quantile([run.delay for run in each], 0.95))
            for name, each in changed.items()
        },
        "detection_rate": {
            name: share(sum(run.detected for run in each), len(each))
            for name, each in changed.items()
        },
        "false_at_swap": sum(bool(_false(line)) for line in by_scenario.get(REFUSED, ())),
        "f1": f1(runs),
        "wrong_cause": share(wrong, len(named)) if named else None,
        "us_per_event": float(np.median([line["us_per_event"] for line in lines])),
        "bytes": None if None in sizes else max(sizes, default=0),
        "seeds": len({line["seed"] for line in lines}),
    }


def _arl0(lines: Sequence[Line]) -> Interval:
    events = sum(line["length"] for line in lines)
    return run_length(events, sum(len(line["alarms"]) for line in lines))


def _false(line: Line) -> list[Any]:
    return [alarm for alarm in line["alarms"] if alarm[1] != "encoder"]


def _run(line: Line) -> Run:
    return Run(
        [(place, cause) for place, cause in line["alarms"]],
        line["changes"],
        frozenset(line["causes"]),
        line["length"],
    )
