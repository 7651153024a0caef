"""R2: one of two processes of a service sleeps longer than its session, and wakes up."""

import os
import random
import signal
import time
from contextlib import suppress

import httpx

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import Point, armed
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.replica import replica
from tests.faults.harness.scraping import metric
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until
from tests.replica import says_ready

# Those that this load brings records for; retrieval's local Qdrant locks its folder.
CONSUMERS = ("feedback", "drift", "evaluation", "ingestion", "gateway", "registry")
ASLEEP_S = 30.0
BOUND_S = 30.0
IN_FLIGHT_S = 2.0  # a handler is held so long, to be asleep in its midst
PATIENCE_S = 60.0  # for a record: some services see few


def freeze(field: Field, service: str, rng: random.Random) -> Trial:
    local = field.stack.local
    figures: dict[str, float] = {}

    def fault() -> float:
        with replica(field, service) as other:
            ports = {
                field.supervisor.processes()[service].pid: local.health_port(service),
                other.pid: other.health_port,
            }
            victim = _in_flight(field, service, list(ports))
            failed = _failed(ports[victim])
            os.kill(victim, signal.SIGSTOP)
            time.sleep(ASLEEP_S)  # the fault itself
            os.kill(victim, signal.SIGCONT)
            began = time.monotonic()
            until(lambda: all(map(says_ready, ports.values())) and consumed(field), 180)
            took = time.monotonic() - began
            figures["commits_failed"] = 0
            with suppress(TimeoutError, httpx.HTTPError):  # of one that has ended instead
                until(lambda: _failed(ports[victim]) > failed, 10)
                figures["commits_failed"] = _failed(ports[victim]) - failed
            other.end()
        return took

    def also(_: Ledger) -> tuple[str, ...]:
        refused = figures["commits_failed"] > 0
        return () if refused else ("the zombie's commit was not refused",)

    return under_load(field, service, rng, fault, BOUND_S, also, figures)


def _in_flight(field: Field, service: str, pids: list[int]) -> int:
    """Return a process that is in the midst of a handler now."""
    found: list[int] = []

    def handles() -> bool:
        found.extend(each["pid"] for each in noted.hits() if each["pid"] in pids)
        return bool(found)

    with armed(field.stack.home, Point(service, "pass", IN_FLIGHT_S)) as noted:
        until(handles, PATIENCE_S)
    return found[0]


def _failed(health_port: int) -> float:
    return metric(health_port, "gyre_kafka_commit_failures_total")


R2 = Fault(
    name="R2",
    title="one of two processes asleep for half a minute",
    into=CONSUMERS,
    trials={"smoke": 1, "gate": 4, "soak": 10},
    inject=freeze,
    substitute=(
        "neither inference nor finetune, to which this load brings no records; "
        "that a commit failed is counted, its line in the log is not"
    ),
)
