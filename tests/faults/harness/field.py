"""What a stack is given before it is hurt, and whether it is whole again after."""

import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
from aiokafka.errors import KafkaError

from tests.conftest import Stack, ask, client, indexed, put, route
from tests.faults.harness.fault import Field
from tests.faults.harness.load import QUESTION
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.trying import all_ready

PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"
ANSWERS = 4  # so few that many comments are on each: their order is judged
PATIENCE_S = 300.0


def prepare(stack: Stack, ledgers: Path, events: int) -> Field:
    """Make a route, a document and some answers for clients to speak of."""
    api = client(stack, "local")
    collection = f"faults-{uuid4().hex[:8]}"
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    model = route(api, collection)
    answers = asked(api, model, ANSWERS)
    return Field(stack, api, model, collection, answers, ledgers, events)


def asked(api: httpx.Client, model: str, count: int) -> list[str]:
    """Return the ids of so many new answers."""
    return [ask(api, model, QUESTION)["gyre"]["answer_id"] for _ in range(count)]


def whole(field: Field) -> bool:
    """Tell whether every process is ready, and what is said becomes a verdict, in time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with suppress(httpx.HTTPError, OSError, KafkaError):
            if all_ready(field) and consumed(field):
                return True
        time.sleep(1)
    return False
