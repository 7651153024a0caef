"""R12: the worker of a training is killed again and again, then sleeps past its lease."""

import asyncio
import json
import os
import random
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from uuid import uuid4

from gyre_demo.stage import Stage, stage
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.r15_database import locked
from tests.faults.harness.replica import replica
from tests.faults.harness.waiting import until
from tests.flow.test_loop import SHORT
from tests.replica import says_ready

WORKER = "finetune-runner"
PLAN = replace(SHORT, control=40, measured=10)
KILLS = 5
STEPS_BETWEEN = 8
CHECKPOINT_STEPS = 20  # the default
REPORTS = 10  # a step more than that may have been made and not told yet
ASLEEP_S = 30.0  # its lease is 15 s
OTHERS_WRITE_S = 0.5
BOUND_S = 900.0


def train(field: Field, into: str, rng: random.Random) -> Trial:
    return asyncio.run(_train(field, into, rng))


async def _train(field: Field, into: str, rng: random.Random) -> Trial:
    log = field.stack.home / "logs" / f"{into}.log"
    logged = log.stat().st_size
    route = f"r12-{uuid4().hex[:8]}"
    async with stage(field.stack.base, route, rng.randrange(2**16), PLAN) as on:
        await on.story.prepare(on.known, on.past)
        await on.story.control(on.known)
        await on.story.shift(on.moved)
        began = time.monotonic()
        hurting = asyncio.create_task(_hurt(field, on, into))
        await on.story.train(on.moved)
        took = time.monotonic() - began
        await hurting
        # By all that is said: two runs make one adapter, under one id, but not at one time.
        trained = {json.dumps(one.value, sort_keys=True) for one in on.trail.of("adapter-trained")}
        steps = [
            (one.value["attempt"], one.value["step"]) for one in on.trail.of("training-progressed")
        ]
    refused = len(re.findall("taken over (?:after|while)", log.read_text()[logged:]))
    return Trial(
        into=into,
        sent=len(steps),
        unknown=0,
        lost=int(not trained),
        double=max(0, len(trained) - 1),
        inversions=0,
        recovery_s=round(took, 1),
        bound_s=BOUND_S,
        waited_p95_s=0.0,
        broken=(
            *_lost_steps(steps),
            *(() if refused else ("nobody refused what the sleeper wrote",)),
        ),
        figures={"refused": refused, "attempts": max(one for one, _ in steps)},
    )


async def _hurt(field: Field, on: Stage, into: str) -> None:
    """Kill the worker, each time some steps later; then have it sleep while another one works."""
    for _ in range(KILLS):
        await _further(on)
        os.kill(field.supervisor.processes()[into].pid, signal.SIGKILL)
    await _further(on)
    await asyncio.to_thread(_sleep, field, into)


async def _further(on: Stage) -> None:
    """Wait until the training has made some steps since now."""
    before = len(on.trail.of("training-progressed"))
    await on.trail.until(
        lambda: len(on.trail.of("training-progressed")) >= before + STEPS_BETWEEN,
        "steps of the training",
        300,
    )


def _sleep(field: Field, into: str) -> None:
    sleeper = field.supervisor.processes()[into].pid
    try:
        until(lambda: _stopped_between_writes(field, sleeper), 60)
        with replica(field, into):
            time.sleep(ASLEEP_S)  # the fault itself
            os.kill(sleeper, signal.SIGCONT)
            local = field.stack.local
            with suppress(TimeoutError):
                until(lambda: says_ready(local.health_port(into)), 60)
    finally:
        os.kill(sleeper, signal.SIGCONT)


def _stopped_between_writes(field: Field, sleeper: int) -> bool:
    """Stop a process, or let it go on if it has the database's lock.

    SQLite has one lock: whoever sleeps with it holds up everybody, whatever a lease says.
    """
    os.kill(sleeper, signal.SIGSTOP)
    try:
        with locked(field, "finetune", OTHERS_WRITE_S):
            return True
    except sqlite3.OperationalError:
        os.kill(sleeper, signal.SIGCONT)
        return False


def _lost_steps(steps: list[tuple[int, int]]) -> Iterator[str]:
    """Say where a claim began further back than one checkpoint."""
    for (attempt, step), (next_attempt, next_step) in pairwise(steps):
        if next_attempt > attempt and next_step < step - CHECKPOINT_STEPS - REPORTS:
            yield f"claim {next_attempt} began at step {next_step}, after {step}"


R12 = Fault(
    name="R12",
    title="the worker of a training killed five times, then asleep past its lease",
    into=(WORKER,),
    trials={"smoke": 1, "gate": 3, "soak": 5},
    inject=train,
    substitute="the worker is in no consumer group: there is no poll interval to exceed",
)
