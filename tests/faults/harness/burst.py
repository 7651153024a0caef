"""Ten times as many clients as usual, while a service's database is away for a minute."""

import random
import time

from gyre_local.stack import Stack as LocalStack
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.memory import Growth
from tests.faults.harness.r15_database import AWAY_S, locked
from tests.faults.harness.trying import under_load, until
from tests.replica import says_ready

TIMES = 10.0
WARM_S = 20.0  # of the burst: what answers so many needs more than what answers few
GROWS_MIB = 64.0
WATCHED = ("gateway", "feedback", "inference", "kafka")
BOUND_S = 30.0


def crowd(field: Field, service: str, rng: random.Random) -> Trial:
    health = LocalStack(field.stack.home, field.stack.base).health_port(service)
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
        figures.update({f"{name}_grew_mib": mib for name, mib in growth.mib().items()})
        return took

    def also(ledger: Ledger) -> tuple[str, ...]:
        refusals = [each for entry in ledger.entries for each in entry.refusals]
        figures["refused"] = len(refusals)
        others = {each.status for each in refusals} - {429, 503}
        grown = {name: figures[f"{name}_grew_mib"] for name in WATCHED}
        return (
            *((f"refused with {sorted(others)}",) if others else ()),
            *(("nobody was held off",) if not refusals else ()),
            *(() if all(each.retry_after for each in refusals) else ("no Retry-After",)),
            *(f"{name} grew by {mib:.0f} MiB" for name, mib in grown.items() if mib > GROWS_MIB),
        )

    return under_load(field, service, rng, fault, BOUND_S, also, figures, times=TIMES)


BURST = Fault(
    name="burst",
    title="ten times the load, and a database away for a minute",
    into=("feedback", "gateway"),
    trials={"smoke": 1, "gate": 2, "soak": 3},
    inject=crowd,
)
