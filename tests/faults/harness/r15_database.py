"""R15: a service's database cannot be written for a minute, or retrieval's index is away."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gyre_local.ready import is_ready
from gyre_local.stack import SERVICES
from tests.conftest import ask
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.load import QUESTION
from tests.faults.harness.points import Point, armed
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

AWAY_S = 60.0
SEEN_S = 5.0
BOUND_S = 30.0
INDEX = "qdrant"  # that of retrieval


@contextmanager
def locked(field: Field, service: str, patience_s: float = 60.0) -> Iterator[None]:
    """Hold the lock of a service's database while inside: whoever writes waits, or fails.

    Raises:
        sqlite3.OperationalError: Somebody else holds it for so long.
    """
    file = field.stack.home / "data" / f"{service}.db"
    database = sqlite3.connect(file, isolation_level=None, timeout=patience_s)
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
    finally:
        database.close()


def lock(field: Field, service: str, rng: random.Random) -> Trial:
    local = field.stack.local
    seen: list[float] = []

    def fault() -> float:
        with locked(field, service):
            began = time.monotonic()
            until(lambda: not is_ready(local, service)[0], AWAY_S)
            seen.append(time.monotonic() - began)
            time.sleep(max(0.0, AWAY_S - seen[0]))  # the fault itself
        began = time.monotonic()
        until(lambda: is_ready(local, service)[0] and consumed(field), 180)
        return time.monotonic() - began

    def also(_: Ledger) -> tuple[str, ...]:
        return (f"not ready only after {seen[0]:.1f} s",) if seen[0] > SEEN_S else ()

    return under_load(field, service, rng, fault, BOUND_S, also)


def lose_index(field: Field, into: str, rng: random.Random) -> Trial:
    local = field.stack.local
    found: list[str] = []

    def fault() -> float:
        with armed(field.stack.home, Point("retrieval", "index")):
            began = time.monotonic()
            until(lambda: not is_ready(local, "retrieval")[0], AWAY_S)
            seen_s = time.monotonic() - began
            if seen_s > SEEN_S:
                found.append(f"not ready only after {seen_s:.1f} s")
            answer = ask(field.api, field.model, QUESTION)["gyre"]
            if answer["passages"]:
                found.append("an answer has passages that nobody can have found")
            if not answer["no_context"]:
                found.append("an answer does not say that search was away")
            time.sleep(max(0.0, AWAY_S - seen_s))  # the fault itself
        began = time.monotonic()
        until(lambda: is_ready(local, "retrieval")[0] and consumed(field), 180)
        return time.monotonic() - began

    return under_load(field, into, rng, fault, BOUND_S, lambda _: tuple(found))


def inject(field: Field, into: str, rng: random.Random) -> Trial:
    return (lose_index if into == INDEX else lock)(field, into, rng)


R15 = Fault(
    name="R15",
    title="a database is locked by another process, or the index away, for a minute",
    into=(*SERVICES, INDEX),
    trials={"smoke": 1, "gate": 2, "soak": 10},
    inject=inject,
    substitute="PostgreSQL is not stopped, SQLite is locked; Qdrant's calls fail by a faultpoint",
)
