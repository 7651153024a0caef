"""The whole comparison: `python -m gyre_driftbench.full RESULTS ENVIRONMENTS [--quick]`.

Gyre runs through all scenarios. Every baseline is searched over its grid, tuned to no more false
alarms than Gyre's or one in 50,000 questions, and runs through all scenarios with those settings.
Each stream is a line in a file, and what is there is not run again: it may be stopped at any time.
`--quick` runs Gyre alone, on fewer streams, beside the baselines' figures of the last whole run.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gyre_driftbench.contenders import BASELINES, GYRE, UNCHANGED, Contender
from gyre_driftbench.curves import curves
from gyre_driftbench.figures import figures
from gyre_driftbench.running import Line
from gyre_driftbench.telling import tables
from gyre_driftbench.tuning import FOUND, at_most_half, chosen, false_alarms, most_allowed

SEEDS, EVENTS = 20, 10_000  # of each seed where nothing changes: 200,000 a scenario
QUICK_SEEDS, QUICK_EVENTS = 2, 30_000
TUNED_SEEDS = 3
WANTED = 50_000.0
FULL, CURVES = "full.json", "curves.svg"


def main() -> None:
    parser = argparse.ArgumentParser(prog="gyre_driftbench.full", description=__doc__)
    parser.add_argument("results", type=Path, help="where lines and figures are kept")
    parser.add_argument("environments", type=Path, help="where the baselines' Pythons are")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    if given.quick:
        found = quick(given.results, given.environments)
    else:
        found = full(given.results, given.environments)
        (given.results / FULL).write_text(json.dumps(found, indent=1) + "\n")
        (given.results / CURVES).write_text(curves(found["figures"]))
    sys.stdout.write(f"{tables(found['figures'])}\n{json.dumps(told(found))}\n")


def full(results: Path, environments: Path) -> dict[str, Any]:
    """Return every contender's figures, with the settings that it was run with."""
    lines = GYRE.run({}, results / "gyre.jsonl", environments, seeds=SEEDS, events=EVENTS)
    known: dict[str, Any] = {GYRE.name: figures(lines)}
    settings: dict[str, Any] = {GYRE.name: {}}
    allowed = most_allowed(lines, WANTED) / sum(
        line["length"] for line in lines if line["scenario"] in UNCHANGED
    )
    for contender in BASELINES:
        if not contender.is_there(environments):
            sys.stderr.write(f"{contender.name} has no Python in {environments}: left out\n")
            continue
        best = chosen(_tried(contender, results, environments, allowed), allowed)
        assert best is not None, f"{contender.name} has no grid"
        settings[contender.name] = best
        path = results / "baselines.jsonl"
        known[contender.name] = figures(
            contender.run(best, path, environments, seeds=SEEDS, events=EVENTS)
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": at, "figures": known, "settings": settings}


def _tried(contender: Contender, results: Path, environments: Path, allowed: float) -> list[Line]:
    """Return lines of all settings; where something changes, of those that are not too often wrong.

    Args:
        contender: Who has a grid.
        results: Where lines are kept.
        environments: Where the Pythons are.
        allowed: False alarms a question.
    """
    run = partial(contender.run, seeds=TUNED_SEEDS, events=EVENTS)
    where, found = (results / "tuning.jsonl", environments), []
    for one in contender.grid(environments):
        mine = run(one, *where, scenarios=UNCHANGED)
        alarms, events = false_alarms(mine)
        if alarms <= allowed * events:
            mine = run(one, *where, scenarios=(*UNCHANGED, *FOUND))
        found += mine
    return found


def quick(results: Path, environments: Path) -> dict[str, Any]:
    """Return Gyre's figures of now, beside those of the others in the last whole run."""
    path = results / "quick.jsonl"
    path.unlink(missing_ok=True)  # it is about the code of now
    lines = GYRE.run({}, path, environments, seeds=QUICK_SEEDS, events=QUICK_EVENTS)
    path.unlink()
    kept = results / FULL
    last: dict[str, Any] = {"at": "", "figures": {}}
    if kept.exists():
        last = json.loads(kept.read_text())
    others = {
        f"{name} (run of {last['at'][:10]})": figures
        for name, figures in last["figures"].items()
        if name != GYRE.name
    }
    return {"at": last["at"], "figures": {GYRE.name: figures(lines)} | others}


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the last line says."""
    known = found["figures"]
    others = {name: one for name, one in known.items() if name != GYRE.name}
    half, apart = at_most_half(known[GYRE.name], list(others.values()))
    return {
        "gyre": _short(known[GYRE.name]),
        "baselines": {name: _short(one) for name, one in others.items()},
        "scenarios_at_most_half_of_best_baseline": half,
        "scenarios_that_no_baseline_finds": apart,
    }


def _short(known: dict[str, Any]) -> dict[str, Any]:
    return {
        "arl0": {name: interval[0] for name, interval in known["arl0"].items()},
        "median_delay": {name: interval[0] for name, interval in known["delay"].items()},
        "detection_rate": {n: interval[0] for n, interval in known["detection_rate"].items()},
        "f1": known["f1"],
        "us_per_event": known["us_per_event"],
    }


if __name__ == "__main__":
    main()
