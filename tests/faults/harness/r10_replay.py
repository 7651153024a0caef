"""R10: what a service holds is made again from the log, into an empty home."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from gyre_service.dumping import lasting
from tests.conftest import Stack, client
from tests.faults.fake_log import streams
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import come_to_rest
from tests.faults.harness.load import Load
from tests.faults.harness.sending import send
from tests.faults.harness.waiting import until

SERVICES = ("ingestion", "retrieval", "feedback", "drift", "gateway", "finetune")
KEYS = "gateway_key "  # made by calls and settings: no event brings them
RUNNING, READY = '"state": "running"', '"state": "ready"'
DECISIONS = ("drift-detected", "remedy-requested", "retraining-requested", "dataset-frozen")
RATE = 100.0  # records a second, about what the services handle
CLIENTS_S = 30.0
QUESTIONS, ANSWERS = 1_200, 200
BOUND_S, LIMIT_S = 300.0, 1_200.0  # of one service
DECIDED = ("questions",)  # loads that must lead to an alarm
POLICY = {
    "reference_events": 100,
    "calibration_events": 100,
    "score_events": 30,
    "false_alarm_events": 1_000,
}


def clients(field: Field, seed: int) -> int:
    with Load(field.stack, field.model, field.collection, field.answers, seed) as load:
        until(lambda: load.now > CLIENTS_S, CLIENTS_S + 5)
    return len(load.ledger.entries)


def questions(field: Field, seed: int) -> int:
    with client(field.stack, "acme-key") as api:
        for number in range(2):
            body = {"collection": field.collection, "policy": {"drift": POLICY}}
            api.put(f"/v1/routes/route-{seed:x}-{number}", json=body).raise_for_status()
    events = list(streams.of_drift(QUESTIONS, seed))
    routes = (getattr(event, "route", "").replace("route-", f"route-{seed:x}-") for event in events)
    moved = (
        event.model_copy(update={"route": route})
        for event, route in zip(events, routes, strict=True)
    )
    return asyncio.run(send(field.stack, moved, seed, RATE))


def answers(field: Field, seed: int) -> int:
    return asyncio.run(send(field.stack, streams.of_feedback(ANSWERS, seed), seed, RATE))


LOADS: dict[str, Callable[[Field, int], int]] = {
    "clients": clients,
    "questions": questions,
    "answers": answers,
}


@dataclass(frozen=True)
class Difference:
    """How a store that was made again differs from the live one.

    Args:
        missing: Rows of the live one that it has not.
        more: Rows that only it has.
        said: What differs, in words.
        decisions: Of the live one, all of which are compared.
    """

    missing: int = 0
    more: int = 0
    said: tuple[str, ...] = ()
    decisions: int = 0


def made_again(stack: Stack, service: str, home: Path) -> Difference:
    """Make the store of a service again in `home`, and compare."""
    done = _run(stack, stack.home, service, "replay", "--into", str(home))
    if done.returncode:
        return Difference(said=(f"{service}: {done.stdout}{done.stderr[-500:]}",))
    live, again = (_rows(stack, each, service) for each in (stack.home, home))
    missing, more = live - again, again - live
    said = [f"{service}: not made again: {row[:300]}" for row in sorted(missing)[:3]]
    said += [f"{service}: made otherwise: {row[:300]}" for row in sorted(more)[:3]]
    decisions, different = _decisions(stack, home, service)
    said += [f"{service}: {different} of {decisions} decisions differ"] * bool(different)
    return Difference(missing.total(), more.total(), tuple(said), decisions)


def replay(field: Field, into: str, rng: random.Random) -> Trial:
    sent = LOADS[into](field, rng.randrange(2**32))
    come_to_rest(field.stack)
    found, slowest = [], 0.0
    for service in SERVICES:
        with TemporaryDirectory() as folder:
            began = time.monotonic()
            found.append(made_again(field.stack, service, Path(folder)))
            slowest = max(slowest, time.monotonic() - began)
    decisions = sum(each.decisions for each in found)
    return Trial(
        into=into,
        sent=sent,
        unknown=0,
        lost=sum(each.missing for each in found),
        double=sum(each.more for each in found),
        inversions=0,
        recovery_s=round(slowest, 2),
        bound_s=BOUND_S,
        waited_p95_s=0.0,
        broken=(
            *(said for each in found for said in each.said),
            *(() if decisions or into not in DECIDED else ("nothing was decided",)),
        ),
        figures={"decisions": decisions},
    )


def _rows(stack: Stack, home: Path, service: str) -> Counter[str]:
    done = _run(stack, home, service, "dump")
    done.check_returncode()
    # Who works on a job is no matter of the log.
    rows = (row.replace(RUNNING, READY) for row in done.stdout.splitlines())
    return Counter(row for row in rows if not row.startswith(KEYS))


def _decisions(stack: Stack, home: Path, service: str) -> tuple[int, int]:
    """Return how many decisions a service made, and how many were not made again like that."""
    told = {}
    for line in (home / "replayed" / f"{service}.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["topic"] in DECISIONS:
            told[record["headers"]["ce_id"]] = lasting(json.loads(record["value"]))
    wanted = {}
    for topic in DECISIONS:
        for each in stack.read(topic):
            headers = {name: value.decode() for name, value in each.headers}
            if headers["ce_source"] == f"/gyre/{service}" and each.value:
                wanted[headers["ce_id"]] = lasting(json.loads(each.value))
    different = [id for id in wanted.keys() | told.keys() if wanted.get(id) != told.get(id)]
    return len(wanted), len(different)


def _run(
    stack: Stack, home: Path, service: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    # That of the live process: some are told of the model.
    pid = stack.supervisor.processes()[service].pid
    environment = psutil.Process(pid).environ() | {"GYRE_HOME": str(home)}
    command = [sys.executable, "-m", f"gyre_{service}", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )


R10 = Fault(
    name="R10",
    title="stores are made again from the log",
    into=tuple(LOADS),
    trials={"smoke": 1, "gate": 1, "soak": 3},
    inject=replay,
    substitute=(
        "six services of nine; rows and decisions, not the points of the index; "
        "without times and attempts of who wrote"
    ),
)
