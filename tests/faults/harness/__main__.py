"""Injects what has no result yet of a tier's faults, one stack for each fault; resumes.

`python -m tests.faults.harness RESULTS LEDGERS --tier gate [--only R4 R7] [--seed 0]`
"""

import argparse
import json
import os
import random
import shutil
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from gyre_bench.errors import BenchError
from gyre_bench.machine import commit, machine
from gyre_local.errors import StackError
from gyre_local.stack import REPO
from tests.conftest import Stack
from tests.faults.harness.every import FAULTS
from tests.faults.harness.fault import EVENTS, FAILED, Fault, Field, Tier
from tests.faults.harness.field import prepare, whole
from tests.faults.harness.report import passed, read_mutations, report, summary, table
from tests.faults.harness.results import Results, unjudged
from tests.faults.harness.stacks import stack_for


def made_by() -> dict[str, object]:
    """Return when, where and of which commit a trial was."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": at, "commit": commit(REPO), **machine()}


def keep_logs(field: Field, kept: Path) -> None:
    """Copy what the services said until now: they end with their stack, and so do their logs."""
    kept.mkdir(parents=True, exist_ok=True)
    for path in (field.stack.local.home / "logs").glob("*.log"):
        with suppress(FileNotFoundError):  # it was turned over at this moment
            shutil.copy(path, kept)


def run(field: Field, fault: Fault, seed: int, results: Results) -> None:
    """Do the trials of one fault that are left, as long as the stack is whole."""
    for into, number in results.left(fault):
        rng = random.Random(f"{seed} {fault.name} {into} {number}")
        try:
            trial = fault.inject(field, into, rng)
        except FAILED as error:
            # It never came to a judgement; the next one may, on a stack that is whole again.
            traceback.print_exc()
            trial = unjudged(into, error)
        results.add(fault, number, trial, made_by())
        fine = passed([asdict(trial)])
        if not fine:
            keep_logs(field, results.logs(fault, into, number))
        said = f"{'pass' if fine else 'FAIL'} {json.dumps(asdict(trial))}"
        sys.stdout.write(f"{fault.name} {into} {number}: {said}\n")
        sys.stdout.flush()
        if not fine and not whole(field):
            return


def on_stacks(fault: Fault, tier: Tier, seed: int, results: Results, ledgers: Path) -> None:
    """Do what is left of a fault, on a new stack again whenever one was broken for good."""
    stack = Stack(Path(os.environ["GYRE_HOME"]), int(os.environ["GYRE_PORT_BASE"]))
    while results.left(fault):
        with stack_for(fault, stack.local):
            run(prepare(stack, ledgers, EVENTS[tier]), fault, seed, results)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("ledgers", type=Path, help="a folder for what the clients sent")
    parser.add_argument("--tier", choices=EVENTS, default="smoke")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=[*FAULTS])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    results = Results(given.results, given.tier, given.seed)
    sys.stdout.write(f"tier {given.tier}, seed {given.seed}\n")
    for name in given.only:
        try:
            on_stacks(FAULTS[name], given.tier, given.seed, results, given.ledgers)
        except (BenchError, StackError) as error:
            sys.stderr.write(f"{name}: not run: {error}\n")
        except FAILED:  # one stack that does not come up, or down, is no reason to have no report
            traceback.print_exc()
    found = results.read()
    last = summary(given.tier, given.seed, found, FAULTS)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / f"faults-{given.tier}.md").write_text(
        report(
            given.tier,
            given.seed,
            found,
            FAULTS,
            mutations=read_mutations(given.results),
            tried_again=results.tried_again(),
        )
    )
    rows = table(found, {name: fault.title for name, fault in FAULTS.items()})
    sys.stdout.write(f"{rows}\n{last}\n")
    verdicts = json.loads(last)["faults"]
    return int(any(verdicts[name]["verdict"] != "pass" for name in given.only))


if __name__ == "__main__":
    sys.exit(main())
