"""R14: the engine's process dies, or hangs, under load."""

import random
import signal
import time
from math import inf

from gyre_local.ready import is_ready
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.r05_broker_away import ANSWER_S
from tests.faults.harness.trying import idle_start_s, under_load
from tests.faults.harness.waiting import until
from tests.faults.test_engine import DEAD_S, HUNG_S, engine_of

SEEN_S = {"SIGKILL": DEAD_S, "SIGSTOP": HUNG_S}


def lose(field: Field, how: str, rng: random.Random) -> Trial:
    local = field.stack.local
    bound = 1.5 * idle_start_s(field, "inference") + SEEN_S[how]
    seen: list[float] = []

    def fault() -> float:
        service = field.supervisor.processes()["inference"].pid
        engine_of(service).send_signal(signal.Signals[how])
        began = time.monotonic()
        until(lambda: not is_ready(local, "inference")[0], 60)
        seen.append(time.monotonic() - began)
        until(lambda: is_ready(local, "inference")[0], 300)
        return time.monotonic() - began

    def also(ledger: Ledger) -> tuple[str, ...]:
        late = seen[0] > SEEN_S[how]
        return (
            *((f"the loss was seen after {seen[0]:.1f} s",) if late else ()),
            *told(ledger, SEEN_S[how]),
        )

    return under_load(field, how, rng, fault, bound, also)


def told(ledger: Ledger, most_s: float = inf) -> tuple[str, ...]:
    """Say which questions were answered otherwise than in time, or 503."""
    found = []
    for entry in ledger.entries:
        if entry.kind == "question":
            found += [
                f"a question was answered {r.status}" for r in entry.refusals if r.status != 503
            ]
            found += ["a question waited too long" for r in entry.refusals if r.seconds > most_s]
            found += ["a question was not answered at all"] * bool(entry.unknown)
            found += ["an answer took too long"] * (entry.took_s > most_s + ANSWER_S)
    return tuple(dict.fromkeys(found))


R14 = Fault(
    name="R14",
    title="engine dies, or hangs",
    into=("SIGKILL", "SIGSTOP"),
    trials={"smoke": 1, "gate": 5, "soak": 20},
    inject=lose,
    substitute="the route has no adapter to be loaded again",
)
