"""R8: for a minute, what a service's handlers need is away in every other attempt."""

import random
import time
from collections import defaultdict

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import lag
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import Point, armed
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

AWAY_S = 60.0
IN_FLIGHT = 10  # records: clients go on sending
BOUND_S = 300.0  # until all of it is worked off, by whatever machine
MOST_ATTEMPTS = 8
MOST_S = 240.0


def fail_half(field: Field, service: str, rng: random.Random) -> Trial:
    point = Point(service, "unavailable", share=0.5, seed=rng.randrange(2**32))
    figures: dict[str, float] = {}

    def fault() -> float:
        with armed(field.stack.home, point) as noted:
            time.sleep(AWAY_S)  # the fault itself
        began = time.monotonic()
        with armed(field.stack.home, Point(service, "pass")):  # attempts are noted to the last
            until(lambda: lag(field.stack, service) < IN_FLIGHT, 600)
        took = time.monotonic() - began
        attempts: dict[str, list[float]] = defaultdict(list)
        for hit in noted.hits():
            attempts[hit["id"]].append(hit["at"])
        figures["failed"] = sum(hit["fires"] for hit in noted.hits())
        figures["most_attempts"] = max(map(len, attempts.values()), default=0)
        figures["longest_s"] = max((max(at) - min(at) for at in attempts.values()), default=0.0)
        return took

    def also(_: Ledger) -> tuple[str, ...]:
        return (
            *(("nothing failed",) if not figures["failed"] else ()),
            *(
                (f"a record was tried {figures['most_attempts']} times",)
                if figures["most_attempts"] > MOST_ATTEMPTS
                else ()
            ),
            *(("a record waited too long",) if figures["longest_s"] > MOST_S else ()),
        )

    return under_load(field, service, rng, fault, BOUND_S, also, figures)


R8 = Fault(
    name="R8",
    title="what handlers need is away every other time, for a minute",
    into=("feedback", "drift", "evaluation", "ingestion", "retrieval"),
    trials={"smoke": 1, "gate": 3, "soak": 10},
    inject=fail_half,
    substitute=(
        "a faultpoint before the handler raises what its dependency would; five services of nine"
    ),
)
