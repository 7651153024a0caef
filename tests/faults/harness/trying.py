"""What every trial does around its fault: load, wait, settle, judge."""

import os
import random
import signal
import time
from collections.abc import Callable

from gyre_local.ready import is_ready
from gyre_local.stack import SERVICES
from tests.faults.harness.fault import FAILED, Field, Trial
from tests.faults.harness.lag import behind, parked
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.load import PATIENCE_S, Load
from tests.faults.harness.report import percentile
from tests.faults.harness.settling import settle
from tests.faults.harness.waiting import until

BEFORE_S, AFTER_S = 4.0, 4.0


def under_load(
    field: Field,
    into: str,
    rng: random.Random,
    fault: Callable[[], float],
    bound_s: float,
    also: Callable[[Ledger], tuple[str, ...]] = lambda _: (),
    figures: dict[str, float] | None = None,
    url: str = "",
    times: float = 1.0,
    held_off: frozenset[int] = frozenset(),
) -> Trial:
    """Inject `fault`, which returns the seconds until it was over, while clients send.

    Args:
        field: Where.
        into: What is hurt.
        rng: Of this trial.
        fault: Hurts it, and waits until it is as before.
        bound_s: How long that may take.
        also: Says what did not hold of what this fault alone asks for.
        figures: What `fault` and `also` measure beside; they fill it.
        url: Where clients send to, if not to the gateway itself.
        times: The usual load.
        held_off: Statuses that clients are to be refused with until they give up.
    """
    seed = rng.randrange(2**32)
    about = (field.model, field.collection, field.answers)
    load = Load(field.stack, *about, seed, url, times)
    late: list[str] = []
    parked_before = parked(field.stack)
    try:
        with load:
            until(lambda: load.now > BEFORE_S and bool(load.ledger.accepted("comment")), 60)
            began = time.monotonic()
            try:
                recovery_s = fault()
            except FAILED as error:
                late.append(f"it did not become as before: {error!r}"[:500])
                recovery_s = time.monotonic() - began
            over = load.now
            until(lambda: load.now > over + AFTER_S, 60)
    finally:
        load.ledger.write(field.ledgers / f"{into}-{seed:x}.jsonl")
    judgement = settle(field, load.ledger)
    accepted = [each for each in load.ledger.entries if each.accepted is not None]
    given_up = [each for each in load.ledger.entries if each.accepted is None]
    never = [each for each in given_up if not each.only_refused(held_off)]
    more = parked(field.stack) - parked_before
    broken = (
        *judgement.which,
        *(late or also(load.ledger)),
        *dict.fromkeys(each.wrong for each in given_up if each.wrong),
        *([f"{len(never)} things were given up"] * bool(never)),
        *(f"{service} parked {count} records" for service, count in more.items()),
        *(f"{group} is {count} records behind" for group, count in behind(field.stack).items()),
    )
    waited = [each.waited_s for each in accepted] + [PATIENCE_S] * len(given_up)
    return Trial(
        into=into,
        sent=len(accepted),
        unknown=sum(each.unknown for each in load.ledger.entries),
        lost=judgement.lost,
        double=judgement.double,
        inversions=judgement.inversions,
        recovery_s=round(recovery_s, 2),
        bound_s=bound_s,
        waited_p95_s=round(percentile(waited, 0.95), 2),
        broken=broken,
        figures=figures or {},
    )


def all_ready(field: Field) -> bool:
    """Tell whether every program runs, and every service says that it is ready."""
    up = all(one.up for one in field.supervisor.processes().values())
    return up and all(is_ready(field.stack.local, name)[0] for name in SERVICES)


def stop(field: Field, program: str) -> None:
    """End a program in order, and have it stay away until somebody begins it."""
    field.supervisor.stop(program)
    until(lambda: field.supervisor.processes()[program].pid == 0, 90)


def back_after_kill_s(field: Field, program: str) -> float:
    """Kill a program; return the seconds until another process of it is ready."""
    local = field.stack.local
    victim = field.supervisor.processes()[program].pid
    os.kill(victim, signal.SIGKILL)
    began = time.monotonic()

    def again() -> bool:
        return (
            field.supervisor.processes()[program].pid not in (0, victim)
            and (is_ready(local, program)[0])
        )

    until(again, 300)
    return time.monotonic() - began


def idle_start_s(field: Field, program: str) -> float:
    """Return how long a program takes from its death to ready when nothing else happens."""
    if program not in field.idle_starts:
        field.idle_starts[program] = back_after_kill_s(field, program)
    return field.idle_starts[program]
