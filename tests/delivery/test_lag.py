"""How far a group is behind, on a real broker, and what it can never read again."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from prometheus_client import REGISTRY

from gyre_service.kafka import Broker

from .conftest import Kafka


def metric(name: str, kafka: Kafka) -> float | None:
    labels = {"group": kafka.topic, "topic": kafka.topic, "partition": "0"}
    return REGISTRY.get_sample_value(name, labels)


async def until_lag(kafka: Kafka, wanted: int) -> None:
    async with asyncio.timeout(20):
        while metric("gyre_kafka_lag", kafka) != wanted:  # noqa: ASYNC110 (a gauge tells nobody)
            await asyncio.sleep(0.2)


async def test_the_lag_is_the_end_less_what_is_committed(kafka: Kafka) -> None:
    broker = Broker(kafka.settings)
    handled, goes_on = 0, asyncio.Event()

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        nonlocal handled
        handled += 1
        if handled > 3:
            await goes_on.wait()

    for number in range(10):
        await kafka.send(b'{"a": 1}', ce_id=str(number).encode())
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.settings.kafka_servers)
    await admin.start()
    async with broker:
        await broker.start()
        await until_lag(kafka, 7)
        [answer] = await admin.describe_consumer_groups([kafka.topic])
        goes_on.set()
        await until_lag(kafka, 0)
    await admin.close()

    members = answer.to_object()["groups"][0]["members"]
    assert len(members) == 1, "the lag is measured from outside of the group"


async def test_a_coordinator_that_still_loads_is_asked_again(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = AIOKafkaAdminClient.list_consumer_group_offsets, 0

    async def list_offsets(*given: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        return {} if asked == 1 else await real(*given, **more)  # so does aiokafka on its error

    monkeypatch.setattr(AIOKafkaAdminClient, "list_consumer_group_offsets", list_offsets)
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None: ...

    async with broker:
        await broker.start()
    assert asked > 1


async def test_records_that_expired_unread_are_told_and_counted(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    servers, partition = kafka.settings.kafka_servers, TopicPartition(kafka.topic, 0)
    for number in range(6):
        await kafka.send(b'{"a": %d}' % number, ce_id=str(number).encode())
    async with AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=kafka.topic, enable_auto_commit=False
    ) as consumer:
        consumer.assign([partition])
        await consumer.commit({partition: 1})
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(before_offset=4)})
    await admin.close()
    broker = Broker(kafka.settings)
    handled: list[int] = []

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        handled.append(body["a"])

    async with broker:
        await broker.start()
        await kafka.commits(6)

    assert handled == [4, 5]
    assert metric("gyre_kafka_expired_records_total", kafka) == 3
    [line] = [r.getMessage() for r in caplog.records if "left the log" in r.getMessage()]
    assert f"{kafka.topic}/0: records 1 to 3" in line
