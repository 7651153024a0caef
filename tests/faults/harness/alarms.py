"""Drift is killed again and again while a world moves: its alarms are those of a life without."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import come_to_rest
from tests.faults.harness.r10_replay import BOUND_S, made_again, questions
from tests.faults.harness.rows import opened
from tests.faults.harness.waiting import until

KILLS = 20
MOST = 30  # questions that it handles between two of them
AGAIN_S = 120.0


def kill(field: Field, into: str, rng: random.Random) -> Trial:
    """Kill it in the midst of its work, then make its store again from the log, undisturbed."""
    seed, slowest = rng.randrange(2**32), 0.0
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(questions, field, seed)
        for _ in range(KILLS):
            slowest = max(slowest, _at_work(field, rng.randint(1, MOST)))
            os.kill(field.supervisor.processes()[into].pid, signal.SIGKILL)
        sent = sending.result()
    come_to_rest(field.stack)
    with TemporaryDirectory() as folder:
        found = made_again(field.stack, into, Path(folder))
    return Trial(
        into=into,
        sent=sent,
        unknown=0,
        lost=found.missing,
        double=found.more,
        inversions=0,
        recovery_s=round(slowest, 2),
        bound_s=BOUND_S,
        waited_p95_s=0.0,
        broken=(*found.said, *(() if found.decisions else ("nothing was decided",))),
        figures={"decisions": found.decisions, "kills": KILLS},
    )


def _at_work(field: Field, questions: int) -> float:
    """Wait until it has handled so many more; return how long that took."""
    began, wanted = time.monotonic(), handled(field) + questions
    until(lambda: handled(field) >= wanted, AGAIN_S)
    return time.monotonic() - began


def handled(field: Field) -> int:
    """Return how many live questions drift has counted."""
    with opened(field.stack.home / "data" / "drift.db") as database:
        [count] = database.execute("SELECT coalesce(sum(events), 0) FROM drift_stream").fetchone()
    return int(count)


ALARMS = Fault(
    name="alarms",
    title="drift killed twenty times while a world moves: the same alarms, to the letter",
    into=("drift",),
    trials={"smoke": 1, "gate": 3, "soak": 10},
    inject=kill,
)
