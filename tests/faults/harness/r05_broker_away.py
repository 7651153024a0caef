"""R5: no broker for a while: answers go on, everything else is refused and never lost."""

import random
import time
from collections.abc import Collection

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Entry, Ledger
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.rows import opened
from tests.faults.harness.trying import stop, under_load
from tests.faults.harness.waiting import until

AWAY_S = 60.0
BOUND_S = 60.0  # until the spool is empty again
WORKED_OFF_S = 600.0
PUBLISH_TIMEOUT_S = 10.0  # the kit's default; one second more is an answer's own way
MARGIN_S = 1.0
ANSWER_S = 10.0  # that one may take on a machine that is busy, whatever is away


def take_away(field: Field, into: str, rng: random.Random) -> Trial:
    def fault() -> float:
        stop(field, "kafka")
        time.sleep(AWAY_S)  # the fault itself
        field.supervisor.begin("kafka")
        began = time.monotonic()
        until(lambda: not _spooled(field), 180)
        took = time.monotonic() - began
        # All who were refused come at once: that is worked off in its own time, and told.
        until(lambda: consumed(field), WORKED_OFF_S)
        figures["consumed_s"] = round(time.monotonic() - began, 1)
        return took

    figures: dict[str, float] = {}

    def also(ledger: Ledger) -> tuple[str, ...]:
        refused = any(one.status == 503 for entry in ledger.entries for one in entry.refusals)
        asked = ledger.accepted("question")
        slow = any(entry.took_s > ANSWER_S for entry in asked)
        return (
            # 429 after it: all who were refused come again at once.
            *refused_well(ledger, (429, 503)),
            *(() if refused else ("nobody was refused: was the broker away?",)),
            *(() if asked else ("no question was answered",)),
            *(("an answer waited for the broker",) if slow else ()),
        )

    return under_load(field, into, rng, fault, BOUND_S, also, figures)


def _spooled(field: Field) -> int:
    """Return how many answers inference has not told Kafka of yet."""
    with opened(field.stack.home / "data" / "inference.db") as database:
        [count] = database.execute("SELECT count(*) FROM outbox").fetchone()
    return int(count)


def refused_well(ledger: Ledger, statuses: Collection[int]) -> tuple[str, ...]:
    """Say what clients were told otherwise than they should: when to come again, and in time.

    Args:
        ledger: Of the clients.
        statuses: That what is no question may be refused with.
    """
    found: list[str] = []
    for entry in ledger.entries:
        found += _of(entry, statuses)
    return tuple(dict.fromkeys(found))


def _of(entry: Entry, statuses: Collection[int]) -> list[str]:
    if entry.kind == "question":
        # A spool has room for an hour: no question is refused.
        unknown = ["a question was not answered at all"] * bool(entry.unknown)
        return unknown + [f"a question was answered {each.status}" for each in entry.refusals]
    others = [each.status for each in entry.refusals if each.status not in statuses]
    found = [f"a {entry.kind} was answered {status}" for status in others]
    if not all(each.retry_after for each in entry.refusals):
        found.append(f"a refused {entry.kind} has no Retry-After")
    if any(each.seconds > PUBLISH_TIMEOUT_S + MARGIN_S for each in entry.refusals):
        found.append(f"a {entry.kind} was refused after the publish timeout")
    if entry.unknown:
        found.append(f"a {entry.kind} was not answered at all")
    return found


R5 = Fault(
    name="R5",
    title="broker away for a minute",
    into=("kafka",),
    trials={"smoke": 1, "gate": 5, "soak": 10},
    inject=take_away,
)
