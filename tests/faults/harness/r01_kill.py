"""R1: SIGKILL of each service under load."""

import random
import time

from gyre_local.stack import SERVICES
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import ends, is_worked_off
from tests.faults.harness.trying import back_after_kill_s, idle_start_s, under_load
from tests.faults.harness.waiting import until

BOUND_S = 15.0
# They import torch: 1.5 times their own start without load, which is measured first.
SLOW = ("inference", "retrieval")


def kill(field: Field, service: str, rng: random.Random) -> Trial:
    bound = 1.5 * idle_start_s(field, service) if service in SLOW else BOUND_S

    def fault() -> float:
        began = time.monotonic()
        back_after_kill_s(field, service)
        # Ready is not yet at work: its group may still wait for the session of the dead one.
        waits = ends(field.stack, service)
        until(lambda: is_worked_off(field.stack, service, waits), 60)
        return time.monotonic() - began

    return under_load(field, service, rng, fault, bound)


R1 = Fault(
    name="R1",
    title="SIGKILL under load",
    into=tuple(SERVICES),
    trials={"smoke": 1, "gate": 20, "soak": 60},
    inject=kill,
)
