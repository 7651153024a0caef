"""Injects the faults of a tier into a running stack, one trial after another; resumes.

`python -m tests.faults.harness RESULTS LEDGERS --tier gate [--only R4] [--seed 0]`
"""

import argparse
import json
import os
import random
import sys
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from gyre_bench.machine import commit, machine
from gyre_local.stack import REPO
from tests.conftest import Stack, ask, client, indexed, put, route
from tests.faults.harness.burst import BURST
from tests.faults.harness.deaths import DEATHS
from tests.faults.harness.duplicates import DUPLICATES
from tests.faults.harness.fault import Fault, Field, Tier, Trial
from tests.faults.harness.load import QUESTION
from tests.faults.harness.r01_kill import R1
from tests.faults.harness.r02_zombie import R2
from tests.faults.harness.r03_members import R3
from tests.faults.harness.r04_broker import R4
from tests.faults.harness.r05_broker_away import R5
from tests.faults.harness.r06_poison import R6
from tests.faults.harness.r07_redrive import R7
from tests.faults.harness.r08_dependency import R8
from tests.faults.harness.r09_slow import R9
from tests.faults.harness.r10_replay import R10
from tests.faults.harness.r11_rolling import R11
from tests.faults.harness.r12_training import R12
from tests.faults.harness.r13_adapters import R13
from tests.faults.harness.r14_engine import R14
from tests.faults.harness.r15_database import R15
from tests.faults.harness.r16_disk import R16
from tests.faults.harness.r17_cancelled import R17
from tests.faults.harness.r18_links import R18
from tests.faults.harness.r19_versions import R19
from tests.faults.harness.report import passed, report, summary, table

FAULTS = {
    fault.name: fault
    for fault in (
        R1,
        R2,
        R3,
        R4,
        R5,
        R6,
        R7,
        R8,
        R9,
        R10,
        R11,
        R12,
        R13,
        R14,
        R15,
        R16,
        R17,
        R18,
        R19,
        DUPLICATES,
        DEATHS,
        BURST,
    )
}
EVENTS: dict[Tier, int] = {"smoke": 1_000, "gate": 10_000, "soak": 100_000}
PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"


def prepare(stack: Stack, ledgers: Path, events: int) -> Field:
    """Make a route, a document and some answers for clients to speak of."""
    api = client(stack, "local")
    collection = f"faults-{uuid4().hex[:8]}"
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    model = route(api, collection)
    answers = [ask(api, model, QUESTION)["gyre"]["answer_id"] for _ in range(4)]
    return Field(stack, api, model, collection, answers, ledgers, events)


def made_by() -> dict[str, object]:
    """Return when, where and of which commit a trial was."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": at, "commit": commit(REPO), "cpu": machine()["cpu"]}


def unjudged(into: str, error: BaseException) -> Trial:
    """Return a trial that failed before anything could be counted."""
    return Trial(into, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, broken=(f"no judgement: {error!r}"[:500],))


def tried(path: Path) -> list[dict[str, object]]:
    """Return the results that are there already."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(field: Field, fault: Fault, tier: Tier, seed: int, results: Path) -> None:
    """Do the trials of one fault that have no result yet."""
    done = {(each["fault"], each["into"], each["number"], each["seed"]) for each in tried(results)}
    for into, number in fault.plan(tier):
        if (fault.name, into, number, seed) in done:
            continue
        rng = random.Random(f"{seed} {fault.name} {into} {number}")
        try:
            trial = asdict(fault.inject(field, into, rng))
        except (
            Exception,
            pytest.fail.Exception,
        ) as error:
            # It never came to a judgement, and the next one may.
            traceback.print_exc()
            trial = asdict(unjudged(into, error))
        line = {"fault": fault.name, "number": number, "seed": seed, **trial, **made_by()}
        with results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        verdict = "pass" if passed([trial]) else "FAIL"
        sys.stdout.write(f"{fault.name} {into} {number}: {verdict} {json.dumps(trial)}\n")
        sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("ledgers", type=Path, help="a folder for what the clients sent")
    parser.add_argument("--tier", choices=EVENTS, default="smoke")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=[*FAULTS])
    parser.add_argument("--without", choices=FAULTS, help="a fault that needs another stack")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    results = given.results / f"faults-{given.tier}.jsonl"
    stack = Stack(Path(os.environ["GYRE_HOME"]), int(os.environ["GYRE_PORT_BASE"]))
    sys.stdout.write(f"tier {given.tier}, seed {given.seed}\n")
    field = prepare(stack, given.ledgers, EVENTS[given.tier])
    for fault in FAULTS.values():
        if fault.name in given.only and fault.name != given.without:
            run(field, fault, given.tier, given.seed, results)
    found = [each for each in tried(results) if each["seed"] == given.seed]
    rows = table(found, {name: fault.title for name, fault in FAULTS.items()})
    substitutes = {name: fault.substitute for name, fault in FAULTS.items()}
    last = summary(given.tier, given.seed, found, substitutes)
    sys.stdout.write(rows + "\n")
    (given.results / f"faults-{given.tier}.md").write_text(
        report(given.tier, given.seed, found, rows, last)
    )
    sys.stdout.write(last + "\n")
    return int('"fail"' in last)


if __name__ == "__main__":
    sys.exit(main())
