"""The whole comparison: `python -m gyre_driftbench.full RESULTS WORK [--quick]`.

Every baseline is searched over its grid (`tuning.py`) until it is wrong once in 50,000 questions,
which Gyre is to be as well; all run through all scenarios then, on seeds that nobody was tuned on.
Each stream is a line in a file, and what is there is not run again: it may be stopped at any time.
`--quick` runs Gyre alone, on fewer streams, beside figures that are in the repository.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gyre_driftbench.comparing import against_best
from gyre_driftbench.contenders import BASELINES, GYRE, Contender, Where
from gyre_driftbench.curves import curves
from gyre_driftbench.figures import REFUSED, figures
from gyre_driftbench.kept import FULL, kept
from gyre_driftbench.planning import Plan
from gyre_driftbench.pool import COMMITTED
from gyre_driftbench.scenarios import SCENARIOS
from gyre_driftbench.telling import tables
from gyre_driftbench.tuning import FOUND, UNCHANGED, Tuned, best, first_rare, of_lines, of_traces

FIRST, SEEDS, EVENTS = 20, 20, 10_000  # of each seed where nothing changes: 200,000 a scenario
TUNED_SEEDS = 20  # from 0 on, which Gyre was made with, too
QUICK_SEEDS, QUICK_EVENTS = 2, 30_000
CURVES = "curves.svg"


def main() -> None:
    parser = argparse.ArgumentParser(prog="gyre_driftbench.full", description=__doc__)
    parser.add_argument("results", type=Path, help="where lines and figures are kept")
    parser.add_argument("work", type=Path, help="where the baselines' Pythons and scores are")
    parser.add_argument("--pool", type=Path, default=COMMITTED, help="vectors of the texts")
    parser.add_argument("--jobs", type=int, default=2, help="detectors at a time")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    where = Where(given.results, given.work, given.work / "traces")
    given.results.mkdir(parents=True, exist_ok=True)
    if given.quick:
        found = quick(where)
    else:
        found = full(where, given.pool, given.jobs)
        text = json.dumps(found, indent=1, allow_nan=False)
        (given.results / FULL).write_text(f"{text}\n")
        (given.results / CURVES).write_text(curves(found["figures"]))
    last = json.dumps(told(found), allow_nan=False)
    sys.stdout.write(f"{tables(found['figures'])}\n{last}\n")


def full(where: Where, pool: Path, jobs: int) -> dict[str, Any]:
    """Return every contender's figures, with the settings that it was run with.

    One that cannot be run is named under `left_out`, with the reason.
    """
    known: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    with ThreadPoolExecutor(jobs) as pool_of_threads:
        running = {
            one.name: pool_of_threads.submit(_measured, one, where, pool)
            for one in (GYRE, *BASELINES)
        }
        for name, each in running.items():
            try:
                settings[name], known[name] = each.result()
            except (OSError, subprocess.CalledProcessError, LookupError, ValueError) as error:
                left_out[name] = f"{type(error).__name__}: {error}"[:500]
                sys.stderr.write(f"{name} is left out: {left_out[name]}\n")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": at, "figures": known, "settings": settings, "left_out": left_out}


def _measured(
    contender: Contender, where: Where, pool: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a contender's settings, and its figures with them."""
    chosen: dict[str, Any] = {}
    scenarios = [*SCENARIOS]
    if contender != GYRE:
        chosen = _tuned(contender, where, pool)
        # Gyre's part in the benchmark refuses as the service does; nobody wrote that for the rest.
        scenarios.remove(REFUSED)
    plan = _plan(scenarios, SEEDS, FIRST, pool)
    file = where.results / f"{contender.file}.jsonl"
    return chosen, figures(contender.run(chosen, plan, where=where, file=file))


def _tuned(contender: Contender, where: Where, pool: Path) -> dict[str, Any]:
    grid = contender.grid(where)
    if "steps" not in grid:
        plan = _plan([*UNCHANGED, *FOUND], TUNED_SEEDS, 0, pool)
        traced = contender.traces(grid["settings"], plan, where)
        found = [of_traces(*each) for each in zip(grid["settings"], traced, strict=True)]
        return best(found).settings
    [(name, steps)] = grid["steps"].items()
    run = partial(
        contender.run, where=where, file=where.results / "tuning" / f"{contender.file}.jsonl"
    )
    return best([_stepped(one, name, steps, run, pool) for one in grid["settings"]]).settings


def _stepped(
    settings: dict[str, Any], name: str, steps: list[float], run: Callable[..., Any], pool: Path
) -> Tuned:
    same = _plan([*UNCHANGED], TUNED_SEEDS, 0, pool)

    def is_rare(step: float) -> bool:
        one = settings | {name: step}
        return of_lines(one, run(one, plan=same)).is_rare

    one = settings | {name: first_rare(steps, is_rare)}
    both = _plan([*UNCHANGED, *FOUND], TUNED_SEEDS, 0, pool)
    return of_lines(one, run(one, plan=both))


def _plan(scenarios: list[str], seeds: int, first: int, pool: Path, events: int = EVENTS) -> Plan:
    return Plan(tuple(SCENARIOS[name] for name in scenarios), seeds, events, first, pool)


def quick(where: Where) -> dict[str, Any]:
    """Return Gyre's figures of now, beside those of the others that are in the repository."""
    path = where.results / "quick.jsonl"
    path.unlink(missing_ok=True)  # its times are to be this machine's, of now
    plan = _plan([*SCENARIOS], QUICK_SEEDS, FIRST, COMMITTED, QUICK_EVENTS)
    lines = GYRE.run({}, plan, where=where, file=path)
    path.unlink()
    others, said = kept(where.results)
    return {"figures": {GYRE.name: figures(lines)} | others, "baselines_from": said}


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the last line says."""
    known = found["figures"]
    others = {name: one for name, one in known.items() if name != GYRE.name}
    said: dict[str, Any] = {
        "gyre": _short(known[GYRE.name]) if GYRE.name in known else None,
        "baselines": {name: _short(one) for name, one in others.items()},
    }
    if "baselines_from" in found:  # other seeds, perhaps older code: that is no comparison
        return said | {"baselines_from": found["baselines_from"]}
    if said["gyre"]:
        said["against_best_baseline"] = against_best(known[GYRE.name], others)
    return said | {"left_out": found["left_out"]}


def _short(known: dict[str, Any]) -> dict[str, Any]:
    return {
        "arl0": {name: interval[0] for name, interval in known["arl0"].items()},
        "arl0_all": known["arl0_all"],
        "fair": known["fair"],
        "median_delay": {name: interval[0] for name, interval in known["delay"].items()},
        "detection_rate": {n: interval[0] for n, interval in known["detection_rate"].items()},
        "f1": known["f1"],
        "f1_compared": known["f1_compared"],
        "us_per_event": known["us_per_event"],
        "seeds": len(known["seeds"]),
    }


if __name__ == "__main__":
    main()
