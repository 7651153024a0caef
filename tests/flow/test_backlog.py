"""Who does the work is behind: the gateway takes no more of it until it has caught up."""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from gyre_events import FeedbackGiven

from ..conftest import Stack, until
from ..faults.fake_log import streams

MORE = int(os.environ.get("GYRE_MAX_LAG", "10000")) + 20


@pytest.fixture
def asleep(stack: Stack) -> Iterator[int]:
    """Let feedback do nothing; yield its process."""
    pid = stack.supervisor.processes()["feedback"].pid
    os.kill(pid, signal.SIGSTOP)
    yield pid
    os.kill(pid, signal.SIGCONT)


async def send(stack: Stack) -> None:
    seed = random.randrange(2**32)
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka, acks="all") as producer:
        for number in range(MORE):
            ids = {"feedback_id": uuid4(), "answer_id": uuid4(), "person": f"person {number}"}
            given = streams.example(FeedbackGiven, "thumb", **ids)
            topic, key, value, headers = streams.record(given, number, seed)
            await producer.send(topic, value, key=key, headers=headers)


def give(api: httpx.Client) -> httpx.Response:
    return api.post("/v1/feedback", json={"answer_id": str(uuid4()), "thumb": "up"})


def test_feedback_is_refused_until_it_is_handled_again(
    stack: Stack, api: httpx.Client, asleep: int
) -> None:
    assert give(api).status_code == 202
    asyncio.run(send(stack))

    refused = until(
        lambda: answer if (answer := give(api)).status_code == 429 else None, "feedback is refused"
    )
    assert int(refused.headers["retry-after"]) > 0
    assert "records wait for feedback" in refused.json()["error"]["message"]
    assert api.get("/v1/models").status_code == 200

    os.kill(asleep, signal.SIGCONT)
    until(lambda: give(api).status_code == 202, "feedback is accepted", timeout_s=120)
