"""A process whose clock is an hour wrong: what comes later is later, whatever it takes for now."""

import random
import time
from collections.abc import Callable
from datetime import datetime

import httpx

from gyre_events import DocumentRemoved
from gyre_local.stack import SERVICES
from tests.conftest import document, indexed
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.replica import instead
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

OFF_S = {"ahead": 3600, "behind": -3600}
BESIDE_S = 15.0
BOUND_S = BESIDE_S + 300.0  # two starts of a service are in it


def wrong(field: Field, into: str, rng: random.Random) -> Trial:
    service, way = into.split()
    off_s = OFF_S[way]
    name = f"skew-{rng.randrange(2**32):x}.md"
    before = _put(field, name)
    indexed(field.api, before)

    def fault() -> float:
        began, since = time.monotonic(), time.time()
        with instead(field, service, "skewed", GYRE_SKEW_S=str(off_s)):
            _accepted(lambda: field.api.delete(f"/v1/documents/{before}"))
            if service == "gateway":
                _check_skewed(field, since, off_s)
            until(lambda: document(field.api, before)["status"] == "removed", 60)
            time.sleep(BESIDE_S)  # the fault itself
        _put(field, name)  # the same again: it is back only if the removal was before, and was one
        until(lambda: document(field.api, before).get("version") == 2, 60)
        return time.monotonic() - began

    return under_load(field, into, rng, fault, BOUND_S)


def _check_skewed(field: Field, since: float, off_s: int) -> None:
    """Stop if the process that has taken a removal had the right time."""
    [removed] = field.stack.read(DocumentRemoved.topic, since)
    said = datetime.fromisoformat(dict(removed.headers)["ce_time"].decode())
    late_s = removed.timestamp / 1000 - said.timestamp()
    # Behind, it says what comes just after the submission, which another process took.
    assert late_s > 1 if off_s < 0 else abs(late_s + off_s) < 60, said


def _put(field: Field, name: str) -> str:
    """Return the id of a document that was accepted."""
    file = (name, b"# Crane K2\n\nThe crane K2 lifts 3 tons.\n", "text/markdown")
    where = {"collection": field.collection}
    answer = _accepted(lambda: field.api.post("/v1/documents", files={"file": file}, data=where))
    body = answer.json()
    return str(body["data"][0]["id"] if "data" in body else body["id"])


def _accepted(call: Callable[[], httpx.Response]) -> httpx.Response:
    """Return the answer to a call that may have to wait for its turn."""
    answers: list[httpx.Response] = []

    def said_yes() -> bool:
        answers.append(call())
        return answers[-1].status_code == 202

    until(said_yes, 60)
    return answers[-1]


SKEW = Fault(
    name="skew",
    title="a process whose clock is an hour wrong, either way",
    into=tuple(f"{service} {way}" for service in SERVICES for way in OFF_S),
    trials={"smoke": 1, "gate": 1, "soak": 3},
    inject=wrong,
    substitute=(
        "Python's clocks are moved, not those of libraries in C; no libfaketime; "
        "a removal and its order, no lease, budget or cooldown"
    ),
)
