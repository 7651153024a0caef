"""R9: every handler of a service takes ten times as long; clients are held off, nothing grows."""

import random
import time
from collections import deque
from collections.abc import Iterator, Mapping, Set

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import Look, bounds, lag, look
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.memory import Growth, grown
from tests.faults.harness.points import Point, armed
from tests.faults.harness.scraping import metric
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

SLEEP_S = 0.25  # a handler of feedback takes 25 ms at most
LASTS_S: Mapping[int, float] = {1_000: 150.0, 10_000: 600.0, 100_000: 1_800.0}  # by the tier
WARM_S = 30.0
LOOK_S = 0.5
SEEN_LOOKS = 12  # the gauge is measured every 3 s, and read a moment later
SLACK = 0.01
IN_FLIGHT = 10  # records: clients go on sending
BOUND_S = 300.0
REFUSED = frozenset({429})
WATCHED = ("feedback", "gateway")


def slow_down(field: Field, service: str, rng: random.Random) -> Trial:
    figures: dict[str, float] = {}

    def fault() -> float:
        begin = time.monotonic()
        with armed(field.stack.home, Point(service, "pass", SLEEP_S)) as noted:
            _watch(field, service, begin + LASTS_S[field.events], figures)
            figures["handled"] = len(noted.hits())
            figures["rebalances"] = noted.assignments(service)
        began = time.monotonic()
        until(lambda: lag(field.stack, service) < IN_FLIGHT, 600)
        return time.monotonic() - began

    def also(ledger: Ledger) -> tuple[str, ...]:
        return (
            *held_off(ledger, REFUSED, figures),
            *((f"{figures['rebalances']} rebalances",) if figures["rebalances"] else ()),
            *grown(figures, WATCHED),
            *(("the gauge of the lag is wrong",) if figures["gauge_off"] > SLACK else ()),
        )

    return under_load(field, service, rng, fault, BOUND_S, also, figures, held_off=REFUSED)


def held_off(ledger: Ledger, statuses: Set[int], figures: dict[str, float]) -> Iterator[str]:
    """Say how clients were held off otherwise than they should: with one of these statuses.

    Args:
        ledger: Of the clients.
        statuses: That may be.
        figures: Get how many were.
    """
    refusals = [each for entry in ledger.entries for each in entry.refusals]
    figures["refused"] = len(refusals)
    if not refusals:
        yield "nobody was refused"
    if others := {each.status for each in refusals} - statuses:
        yield f"refused with {sorted(others)}"
    if not all(each.retry_after for each in refusals):
        yield "no Retry-After"


def _watch(field: Field, service: str, end: float, figures: dict[str, float]) -> None:
    """Look again and again, until `end`, at the memory, and at the lag from inside and outside."""
    health = field.stack.local.health_port(service)
    time.sleep(WARM_S)
    outside: deque[Look] = deque(maxlen=SEEN_LOOKS)
    figures |= {"lag": 0, "gauge_off": 0.0, "gauge_off_records": 0, "gauge_within_records": 0}
    with Growth(field, WATCHED) as growth:
        while time.monotonic() < end:
            gauge = metric(health, "gyre_kafka_lag", group=service)
            outside.append(look(field.stack, service))
            if len(outside) == SEEN_LOOKS:
                # It was one of what the log has had since the gauge looked.
                low, high = bounds(outside)
                figures["gauge_within_records"] = max(figures["gauge_within_records"], high - low)
                records = max(low - gauge, gauge - high, 0.0)
                if (off := round(records / max(high, 1), 4)) >= figures["gauge_off"]:
                    figures |= {"gauge_off": off, "gauge_off_records": records}
            figures["lag"] = max(figures["lag"], outside[-1].ends - outside[-1].committed)
            time.sleep(LOOK_S)
    figures |= growth.figures()


R9 = Fault(
    name="R9",
    title="handlers ten times slower",
    into=("feedback",),
    trials={"smoke": 1, "gate": 1, "soak": 1},
    inject=slow_down,
)
