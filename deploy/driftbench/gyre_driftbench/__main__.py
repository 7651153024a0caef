"""Runs a detector through the scenarios: `python -m gyre_driftbench --detector module:Name`.

What it found is added to `--results`, a line a stream; what is there is not run again. With
`--traces` it runs no detector: it writes down the scores of one that has some (`scoring.py`), under
each of the settings in a list, and says where they are.
"""

import argparse
import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from gyre_driftbench.digests import of_detector
from gyre_driftbench.figures import figures
from gyre_driftbench.planning import Plan, run_all
from gyre_driftbench.pool import COMMITTED, read
from gyre_driftbench.scenarios import SCENARIOS
from gyre_driftbench.telling import tables
from gyre_driftbench.tracing import trace_all


def main() -> None:
    parser = argparse.ArgumentParser(prog="gyre_driftbench", description=__doc__)
    parser.add_argument("--detector", required=True, help="module:Name of a class")
    parser.add_argument("--settings", type=json.loads, default={}, help="its keywords, as JSON")
    parser.add_argument("--name", default="", help="under which results are kept")
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=[*SCENARIOS])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed")
    parser.add_argument("--events", type=int, default=10_000, help="a seed where nothing changes")
    parser.add_argument("--pool", type=Path, default=COMMITTED, help="vectors of the texts")
    parser.add_argument("--results", type=Path, default=Path("driftbench.jsonl"))
    parser.add_argument("--again", action="store_true", help="run what has a line, too")
    parser.add_argument("--traces", type=Path, help="a folder for scores")
    given = parser.parse_args()
    try:
        detector = _class(given.detector)
    except (ValueError, ImportError) as error:
        parser.error(f"--detector {given.detector}: {error}")
    plan = Plan(
        tuple(SCENARIOS[one] for one in given.scenarios),
        given.seeds,
        given.events,
        given.first,
        given.pool,
    )
    code, known = of_detector(detector), read(given.pool)
    if given.traces:
        named = (given.detector, code)
        for trace in trace_all(named, detector, given.settings, plan, known, given.traces):
            sys.stdout.write(f"{json.dumps(trace)}\n")
            place = f"{trace['scenario']} {trace['seed']}"
            sys.stderr.write(f"{given.detector} {trace['settings']}, {place}: scored\n")
        return
    name = given.name or f"{given.detector} {json.dumps(given.settings, sort_keys=True)}"
    make = partial(detector, **given.settings)
    lines = []
    for line, kept in run_all((name, code), make, plan, known, given.results, again=given.again):
        lines.append(line)
        alarms = " ".join(f"{place}:{cause}" for place, cause in line["alarms"][:6])
        told = f"{name}, {line['scenario']} {line['seed']}: {alarms or 'nothing'}"
        sys.stderr.write(f"{told}{' (kept)' * kept}\n")
    found = figures(lines)
    last = json.dumps({"detector": name, "code": code, "figures": found}, allow_nan=False)
    sys.stdout.write(f"{tables({name: found})}\n{last}\n")


def _class(text: str) -> Any:
    """Return a class that is given as `module:Name`."""
    module, _, name = text.partition(":")
    if not module or not name:
        message = "it is to be module:Name"
        raise ValueError(message)
    found = getattr(import_module(module), name, None)
    if not isinstance(found, type):
        message = f"{module} has no class {name}"
        raise ValueError(message)
    return found


if __name__ == "__main__":
    main()
