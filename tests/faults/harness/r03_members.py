"""R3: processes of a service come and go while clients send."""

import random
import time
from itertools import pairwise

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import Noted
from tests.faults.harness.replica import replica
from tests.faults.harness.trying import under_load

TURNS = 10  # a join and a leave each
PAUSE_S = 10.0


def come_and_go(field: Field, service: str, rng: random.Random) -> Trial:
    figures: dict[str, float] = {}
    begin_ms = time.time() * 1000

    def fault() -> float:
        noted, began = Noted(field.stack.home), time.monotonic()
        for number in range(TURNS):
            with replica(field, service) as other:
                if number % 2:  # in order; else the block's end kills it
                    other.end()
        figures["seconds"] = round(time.monotonic() - began, 1)
        figures["assignments"] = noted.assignments(service)
        return 0.0

    def also(_: Ledger) -> tuple[str, ...]:
        times = [r.timestamp for r in field.stack.read("verdict-recorded")]
        seen = sorted(each for each in times if each >= begin_ms)
        pauses = [(after - before) / 1000 for before, after in pairwise(seen)]
        figures["longest_pause_s"] = max(pauses)
        late = max(pauses) > PAUSE_S
        return (f"no verdict for {max(pauses):.1f} s",) if late else ()

    return under_load(field, service, rng, fault, 0.0, also, figures)


R3 = Fault(
    name="R3",
    title="ten joins and ten leaves",
    into=("feedback",),
    trials={"smoke": 1, "gate": 3, "soak": 10},
    inject=come_and_go,
)
