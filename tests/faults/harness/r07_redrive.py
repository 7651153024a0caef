"""R7: what a bug has parked is redriven after its fix, and then once more."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.harness.checkers import effects, once_each
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import come_to_rest
from tests.faults.harness.load import Load
from tests.faults.harness.points import Point, armed
from tests.faults.harness.settling import settle
from tests.faults.harness.waiting import until

SERVICE = "feedback"
SHARE = 0.3  # of the comments: twenty in a row would end the process
MARK = "-comment-"  # in each of a load's comments
LOAD_S, BOUND_S = 30.0, 60.0
LIMIT_S = 300.0  # of one command


def redrive(field: Field, into: str, rng: random.Random) -> Trial:
    seed = rng.randrange(2**32)
    point = Point(SERVICE, "bug", share=SHARE, containing=MARK, seed=seed)
    there = {each["id"] for each in _listed(field)}
    with (
        Load(field.stack, field.model, field.collection, field.answers, seed) as load,
        armed(field.stack.home, point) as noted,
    ):
        until(lambda: load.now > LOAD_S, LOAD_S + 5)
    come_to_rest(field.stack)
    bugs = {each["id"] for each in noted.hits() if each["fires"]}
    parked = [each["id"] for each in _listed(field) if each["id"] not in there]
    said = [entry.id for entry in load.ledger.accepted("comment")]
    before = once_each(said, effects(field.stack.read("verdict-recorded"), "feedback_id"))
    began = time.monotonic()
    for _ in range(2):
        _dlq(field, "redrive", SERVICE, *parked)
    settle(field, load.ledger)
    took = time.monotonic() - began
    come_to_rest(field.stack)  # what came twice has been handled now
    judgement = settle(field, load.ledger)
    load.ledger.write(field.ledgers / f"R7-{seed:x}.jsonl")
    return Trial(
        into=into,
        sent=len(said),
        unknown=sum(each.unknown for each in load.ledger.entries),
        lost=judgement.lost,
        double=judgement.double,
        inversions=0,  # a parked one leaves its place
        recovery_s=round(took, 2),
        bound_s=BOUND_S,
        waited_p95_s=0.0,
        broken=(
            *judgement.which,
            *(() if len(parked) == len(bugs) else (f"{len(bugs)} bugs, {len(parked)} parked",)),
            *(() if before.lost == len(parked) else (f"{before.lost} had no effect before",)),
            *(() if parked else ("nothing was parked",)),
        ),
        figures={"parked": len(parked)},
    )


def _listed(field: Field) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(_dlq(field, "list", SERVICE, "--json"))
    return found


def _dlq(field: Field, *arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("gyre")), "dlq", *arguments],
        env=os.environ | {"GYRE_KAFKA_SERVERS": field.stack.kafka},
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    return done.stdout


R7 = Fault(
    name="R7",
    title="redriven after a fix, twice",
    into=(SERVICE,),
    trials={"smoke": 1, "gate": 5, "soak": 10},
    inject=redrive,
    substitute="what a bug has parked: nothing can handle R6's poison, ever",
)
