"""The figures of one detector, from its lines."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gyre_driftbench.lines import Line
from gyre_driftbench.measuring import (
    Interval,
    Run,
    f1,
    median,
    run_length,
    run_length_by,
    share,
)
from gyre_driftbench.scenarios import SCENARIOS
from gyre_driftbench.tuning import WANTED

REFUSED = "encoder_swap"  # where to compare at all would be wrong


def figures(lines: Sequence[Line]) -> dict[str, Any]:
    """Return what is known of one detector.

    `arl0`, `delay`, `delay_p95` and `detection_rate` are intervals by scenario; `arl0_all` is over
    all streams in which nothing changes, by drawing seeds again; `alarms` are those of each such
    stream; `fair` is whether that is one in 50,000 questions, as far as the streams can tell;
    `delays` are by scenario and seed; `f1` is over all changes, `f1_compared` over those that all
    detectors can see; `us_per_event` is a median, `bytes` the largest. `wrong_cause` of one that
    names none is None, as are the `bytes` of one that cannot be stored, and what has no lines.
    """
    by_scenario: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_scenario[line["scenario"]].append(line)
    unchanged = {name: each for name, each in by_scenario.items() if name.startswith("none")}
    changed = {
        name: {line["seed"]: _run(line) for line in each}
        for name, each in by_scenario.items()
        if not name.startswith("none") and name != REFUSED
    }
    compared = {name: each for name, each in changed.items() if is_compared(name)}
    named = [
        run
        for each in changed.values()
        for run in each.values()
        if run.detected and run.cause != "drift"
    ]
    wrong = sum(run.cause not in run.causes for run in named)
    delays = {
        name: {str(seed): run.delay for seed, run in each.items()} for name, each in changed.items()
    }
    sizes = [line["bytes"] for line in lines]
    swapped = by_scenario.get(REFUSED)
    return {
        "arl0": {name: _arl0(each) for name, each in unchanged.items()},
        "arl0_all": _over_seeds(unchanged),
        "fair": _is_fair(unchanged),
        "alarms": {
            name: [len(line["alarms"]) for line in each] for name, each in unchanged.items()
        },
        "delay": {name: median([*each.values()]) for name, each in delays.items()},
        "delay_p95": {name: median([*each.values()], 0.95) for name, each in delays.items()},
        "delays": delays,
        "detection_rate": {
            name: share(sum(run.detected for run in each.values()), len(each))
            for name, each in changed.items()
        },
        "false_at_swap": sum(_is_false(line) for line in swapped) if swapped else None,
        "f1": _f1(changed),
        "f1_compared": _f1(compared),
        "wrong_cause": share(wrong, len(named)) if named else None,
        "us_per_event": median([line["us_per_event"] for line in lines]) if lines else None,
        "bytes": None if None in sizes else max(sizes, default=0),
        "seeds": sorted({line["seed"] for line in lines}),
    }


def is_compared(name: str) -> bool:
    """Return whether all detectors can see what changes in a scenario."""
    return name not in SCENARIOS or SCENARIOS[name].compared


def _is_false(line: Line) -> bool:
    return any(cause != "encoder" for _, cause in line["alarms"])


def _arl0(lines: Sequence[Line]) -> Interval:
    events = sum(line["length"] for line in lines)
    return run_length(events, sum(len(line["alarms"]) for line in lines))


def _over_seeds(unchanged: Mapping[str, Sequence[Line]]) -> Interval | None:
    events: dict[int, int] = defaultdict(int)
    alarms: dict[int, int] = defaultdict(int)
    for line in (line for each in unchanged.values() for line in each):
        events[line["seed"]] += line["length"]
        alarms[line["seed"]] += len(line["alarms"])
    if not events:
        return None
    return run_length_by([*events.values()], [alarms[seed] for seed in events])


def _is_fair(unchanged: Mapping[str, Sequence[Line]]) -> bool | None:
    """Return whether either interval, by alarms or by seeds, has what is wanted of all in it.

    One that is wrong more often has delays that are too good; more rarely, too bad.
    """
    by_seed = _over_seeds(unchanged)
    if by_seed is None:
        return None
    by_alarm = _arl0([line for each in unchanged.values() for line in each])
    return any(
        low <= WANTED and (high is None or high >= WANTED) for _, low, high in (by_seed, by_alarm)
    )


def _f1(changed: Mapping[str, Mapping[int, Run]]) -> Interval:
    by_seed: dict[int, list[Run]] = defaultdict(list)
    for each in changed.values():
        for seed, run in each.items():
            by_seed[seed].append(run)
    return f1([*by_seed.values()])


def _run(line: Line) -> Run:
    return Run(
        [(place, cause) for place, cause in line["alarms"]],
        line["changes"],
        frozenset(line["causes"]),
        line["length"],
    )
