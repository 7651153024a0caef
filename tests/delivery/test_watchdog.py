"""A consumer that does nothing any more, on a real broker: its process ends, and starts again."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from gyre_service.errors import Unavailable
from gyre_service.kafka import Broker

from .conftest import Kafka
from .counting import Noted
from .test_delivery import end, handle_until, start

PATIENCE_S = 3.0


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Notice that the process was told to stop, instead of stopping."""
    told = asyncio.Event()
    loop = asyncio.get_event_loop()
    monkeypatch.setattr("signal.raise_signal", lambda _: loop.call_soon_threadsafe(told.set))
    return told


def patient(kafka: Kafka) -> Broker:
    return Broker(kafka.settings.model_copy(update={"stalled_consumer_s": PATIENCE_S}))


async def test_a_consumer_that_ended_ends_its_process_and_work_resumes(
    kafka: Kafka, tmp_path: Path
) -> None:
    event = Noted(author="ada", words=3).model_dump_json().encode()
    process = await start(kafka, tmp_path / "words.db", "cancel")
    await kafka.send(event)
    await kafka.commits(1)

    await kafka.send(event, ce_id=b"2")
    assert await end(process, timeout_s=10) == 1

    await handle_until(kafka, tmp_path / "words.db", 2)


async def test_a_blocked_event_loop_ends_its_process_by_force(kafka: Kafka, tmp_path: Path) -> None:
    event = Noted(author="ada", words=3).model_dump_json().encode()
    process = await start(kafka, tmp_path / "words.db", "block")
    await kafka.send(event)
    await kafka.commits(1)

    await kafka.send(event, ce_id=b"2")

    assert await end(process, timeout_s=15) == 1


async def test_a_process_that_does_not_start_does_not_stay(kafka: Kafka, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        servers = f"127.0.0.1:{nobody.getsockname()[1]}"
        kafka.settings = kafka.settings.model_copy(update={"kafka_servers": servers})
        process = await start(kafka, tmp_path / "words.db", "none")

        assert await end(process, timeout_s=30) != 0


async def test_an_idle_consumer_in_front_of_records_ends_its_process(
    kafka: Kafka, stopped: asyncio.Event, caplog: pytest.LogCaptureFixture
) -> None:
    broker = patient(kafka)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None: ...

    subscriber: Any = broker.subscribers[0]
    async with broker:
        await broker.start()
        await kafka.send(b'{"a": 1}')
        await kafka.commits(1)
        subscriber.consumer.pause(TopicPartition(kafka.topic, 0))  # alive, and does nothing
        await kafka.send(b'{"a": 2}')
        async with asyncio.timeout(PATIENCE_S + 15):
            await stopped.wait()

    [line] = [r.getMessage() for r in caplog.records if r.levelname == "CRITICAL"]
    assert f"{kafka.topic}/0 has not moved from 1 for 3 s" in line
    stalled = {"topic": kafka.topic, "partition": "0"}
    assert (REGISTRY.get_sample_value("gyre_kafka_stalled_seconds", stalled) or 0) > PATIENCE_S


async def test_who_waits_for_a_dependency_is_not_idle(kafka: Kafka, stopped: asyncio.Event) -> None:
    broker = patient(kafka)
    away_until = asyncio.get_running_loop().time() + 3 * PATIENCE_S

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        if asyncio.get_running_loop().time() < away_until:
            raise Unavailable("away")

    for id in (b"1", b"2"):  # the second is what the first, read again and again, lags behind
        await kafka.send(b'{"a": 1}', ce_id=id)
    async with broker:
        await broker.start()
        await kafka.commits(2)

    assert not stopped.is_set()
    assert await kafka.read("-dlq") == []
