"""Ten times as many clients as usual, while a service's database is away for a minute."""

import random
import time
from dataclasses import replace

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.field import asked
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.memory import Growth, grown
from tests.faults.harness.r09_slow import held_off
from tests.faults.harness.r15_database import AWAY_S, locked
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until
from tests.replica import says_ready

TIMES = 10.0
WARM_S = 20.0  # of the burst: what answers so many needs more than what answers few
WATCHED = ("gateway", "feedback", "inference", "kafka")
BOUND_S = 30.0
REFUSED = frozenset({429, 503})
ANSWERS = 64  # as many as a client has connections: one that is slow holds no others off


def crowd(field: Field, service: str, rng: random.Random) -> Trial:
    field = replace(field, answers=asked(field.api, field.model, ANSWERS))
    health = field.stack.local.health_port(service)
    figures: dict[str, float] = {}

    def fault() -> float:
        time.sleep(WARM_S)
        with Growth(field, WATCHED) as growth:
            with locked(field, service):
                time.sleep(AWAY_S)  # the fault itself
            # The crowd goes on, held off as far as it must be; it is worked off after it.
            began = time.monotonic()
            until(lambda: says_ready(health), 180)
            took = time.monotonic() - began
            time.sleep(WARM_S)
        figures.update(growth.figures())
        return took

    def also(ledger: Ledger) -> tuple[str, ...]:
        return (*held_off(ledger, REFUSED, figures), *grown(figures, WATCHED))

    return under_load(
        field, service, rng, fault, BOUND_S, also, figures, times=TIMES, held_off=REFUSED
    )


BURST = Fault(
    name="burst",
    title="ten times the load, and a database away for a minute",
    into=("feedback", "gateway"),
    trials={"smoke": 1, "gate": 2, "soak": 3},
    inject=crowd,
)
