"""R3: processes of a service come and go while clients send."""

import json
import random
import time
from collections.abc import Iterator

from tests.faults.harness.fault import EVENTS, Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import Noted
from tests.faults.harness.replica import replica
from tests.faults.harness.trying import under_load

TURNS = 10  # a join and a leave each
PAUSE_S = 10.0
LASTS_S = 120.0  # all turns together, at most


def come_and_go(field: Field, service: str, rng: random.Random) -> Trial:
    figures: dict[str, float] = {}

    def fault() -> float:
        noted, began = Noted(field.stack.home), time.monotonic()
        for _ in range(TURNS):
            with replica(field, service) as other:
                other.end()
        figures["seconds"] = round(time.monotonic() - began, 1)
        figures["assignments"] = noted.assignments(service)
        return 0.0

    def also(ledger: Ledger) -> tuple[str, ...]:
        longest = max(_waits(field, ledger))
        figures["longest_pause_s"] = round(longest, 2)
        # Of the tiers that measure: a look through the tests runs on any machine.
        slow = field.events >= EVENTS["gate"] and figures["seconds"] > LASTS_S
        few = figures["assignments"] < 2 * TURNS
        return (
            *(("the turns took too long",) if slow else ()),
            *((f"only {figures['assignments']} assignments",) if few else ()),
            *((f"a verdict came after {longest:.1f} s",) if longest > PAUSE_S else ()),
        )

    return under_load(field, service, rng, fault, 0.0, also, figures)


def _waits(field: Field, ledger: Ledger) -> Iterator[float]:
    """Yield how long each comment waited for its verdict: no partition hides another's pause."""
    came: dict[str, float] = {}
    for record in field.stack.read("verdict-recorded"):
        id = json.loads(record.value or b"{}")["feedback_id"]
        came.setdefault(id, record.timestamp / 1000)
    for entry in ledger.accepted("comment"):
        if entry.id in came and entry.accepted is not None:
            yield came[entry.id] - (ledger.began + entry.accepted)


R3 = Fault(
    name="R3",
    title="ten joins and ten leaves",
    into=("feedback",),
    trials={"smoke": 1, "gate": 3, "soak": 10},
    inject=come_and_go,
)
