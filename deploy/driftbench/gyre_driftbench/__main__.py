"""Runs a detector through the scenarios: `python -m gyre_driftbench --detector module:Name`.

What it found is added to `--results`, a line a stream; what is there is not run again.
"""

import argparse
import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

from gyre_driftbench.figures import figures
from gyre_driftbench.pool import COMMITTED, read
from gyre_driftbench.running import Plan, run_all
from gyre_driftbench.scenarios import SCENARIOS
from gyre_driftbench.telling import tables


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
    given = parser.parse_args()
    module, _, attribute = given.detector.partition(":")
    detector = getattr(import_module(module), attribute)
    make = partial(detector, **given.settings)
    name = given.name or f"{attribute} {json.dumps(given.settings, sort_keys=True)}"
    if hasattr(detector, "code"):  # it changes, and lines of before are of another detector
        name = f"{name} {detector.code(given.pool)}"
    scenarios = tuple(SCENARIOS[one] for one in given.scenarios)
    plan = Plan(scenarios, given.seeds, given.events, given.first)
    encoder, pools = read(given.pool)
    lines = []
    for line in run_all(name, make, plan, pools, encoder, given.results):
        lines.append(line)
        alarms = " ".join(f"{place}:{cause}" for place, cause in line["alarms"][:6])
        sys.stderr.write(f"{line['scenario']} {line['seed']}: {alarms or 'nothing'}\n")
    found = figures(lines)
    sys.stdout.write(f"{tables({name: found})}\n{json.dumps({name: found})}\n")


if __name__ == "__main__":
    main()
