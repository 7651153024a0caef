"""R4: the broker ends, in order or not, under load."""

import json
import os
import random
import signal
import time
from uuid import uuid4

from tests.conftest import Record
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

BOUND_S = 30.0


def end(field: Field, how: str, rng: random.Random) -> Trial:
    def fault() -> float:
        victim = field.supervisor.processes()["kafka"].pid
        os.kill(victim, signal.Signals[how])
        until(lambda: field.supervisor.processes()["kafka"].pid not in (0, victim), 60)
        began = time.monotonic()  # consumers are back within so long of the broker's start
        until(lambda: consumed(field), 180)
        return time.monotonic() - began

    return under_load(field, how, rng, fault, BOUND_S)


def consumed(field: Field) -> bool:
    """Tell whether what is said now becomes a verdict."""
    began = time.time()
    said = {"answer_id": field.answers[0], "comment": f"are you there {uuid4().hex}"}
    answer = field.api.post("/v1/feedback", json=said)
    if answer.status_code != 202:
        time.sleep(0.3)  # a client's back-off
        return False
    id = answer.json()["feedback_id"]
    # One consumer, and not one look after the other: they took from what has to catch up.
    return field.stack.comes("verdict-recorded", began, lambda record: is_about(record, id), 5)


def is_about(record: Record, feedback_id: str) -> bool:
    return bool(json.loads(record.value or b"{}").get("feedback_id") == feedback_id)


R4 = Fault(
    name="R4",
    title="broker ends under load, in order and not",
    into=("SIGTERM", "SIGKILL"),
    trials={"smoke": 1, "gate": 5, "soak": 15},
    inject=end,
)
