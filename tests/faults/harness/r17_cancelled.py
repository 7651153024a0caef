"""R17: what a handler calls cancels the task it runs in, which is the consumer's."""

import random
import time

from gyre_local.ready import is_ready
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import Point, armed
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

ENDS_S = 10.0
BOUND_S = ENDS_S + 15.0  # and then as after a kill
SLOW_BOUND_S = ENDS_S + 45.0  # it imports torch


def cancel(field: Field, service: str, rng: random.Random) -> Trial:
    local = field.stack.local
    figures: dict[str, float] = {}

    def fault() -> float:
        victim = field.supervisor.processes()[service].pid
        with armed(field.stack.home, Point(service, "cancel")) as noted:
            until(lambda: bool(noted.hits()), 60)
        began = time.monotonic()
        until(lambda: field.supervisor.processes()[service].pid != victim, 120)
        figures["ended_s"] = round(time.monotonic() - began, 2)
        until(lambda: is_ready(local, service)[0], 180)
        return time.monotonic() - began

    def also(_: Ledger) -> tuple[str, ...]:
        late = figures["ended_s"] > ENDS_S
        return (f"ended after {figures['ended_s']} s",) if late else ()

    bound = SLOW_BOUND_S if service == "retrieval" else BOUND_S
    return under_load(field, service, rng, fault, bound, also, figures)


R17 = Fault(
    name="R17",
    title="a handler's task is cancelled, and with it its consumer",
    into=("feedback", "drift", "evaluation", "ingestion", "retrieval", "gateway"),
    trials={"smoke": 1, "gate": 5, "soak": 20},
    inject=cancel,
    substitute="six services of nine: the load brings few records, or none, to the others",
)
