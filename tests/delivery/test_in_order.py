"""Two topics, taken in the order in which Kafka took their records, on a real broker."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from gyre_service.kafka import Broker, in_order
from gyre_service.kafka.in_order import OPTIONS, InOrder
from gyre_service.kafka.parser import Record

from .conftest import Kafka
from .test_table import until

RECORDS = 500  # more than is fetched at once
TIMEOUT_S = 30


@asynccontextmanager
async def consumer(kafka: Kafka) -> AsyncIterator[InOrder]:
    made = InOrder(
        kafka.topic,
        f"{kafka.topic}-scored",
        bootstrap_servers=kafka.settings.kafka_servers,
        group_id=kafka.topic,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **OPTIONS,
    )
    async with made, asyncio.timeout(TIMEOUT_S):
        yield made


async def send(kafka: Kafka, records: int, longest_s: float = 0) -> None:
    """Publish to both topics, a few to the one and a few to the other."""
    rng = random.Random(records)
    async with AIOKafkaProducer(bootstrap_servers=kafka.settings.kafka_servers) as producer:
        for number in range(records):
            topic = kafka.topic + rng.choice(("", "", "-scored"))
            await producer.send_and_wait(topic, b"%d" % number)
            await asyncio.sleep(rng.random() * longest_s)


def place(record: Record) -> tuple[int, str, int]:
    return record.timestamp, record.topic, record.offset


async def test_what_waits_is_handed_out_as_it_was_appended(kafka: Kafka) -> None:
    await send(kafka, RECORDS)
    async with consumer(kafka) as reading:
        found = [await reading.getone() for _ in range(RECORDS)]

    assert [place(each) for each in found] == sorted(place(each) for each in found)
    assert len({each.topic for each in found}) == 2


async def test_so_is_what_comes_while_it_is_read(kafka: Kafka) -> None:
    async with consumer(kafka) as reading:
        sending = asyncio.create_task(send(kafka, RECORDS, 0.01))
        found = [await reading.getone() for _ in range(RECORDS)]
        await sending

    times = [each.timestamp for each in found]  # of one millisecond whichever came first
    assert times == sorted(times)


async def test_a_partition_that_does_not_answer_holds_nobody_up_for_ever(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_order, "PATIENCE_S", 0.5)
    for number in range(3):
        await kafka.send(b"%d" % number)
    async with consumer(kafka) as reading:
        asked = reading.last_poll_timestamp

        def but_for_one(at: TopicPartition) -> int | None:
            return None if at.topic != kafka.topic else asked(at)

        monkeypatch.setattr(reading, "last_poll_timestamp", but_for_one)
        found = [await reading.getone() for _ in range(3)]
    assert [each.value for each in found] == [b"0", b"1", b"2"]


async def test_what_was_fetched_and_not_handed_out_is_not_committed(kafka: Kafka) -> None:
    await send(kafka, 10)
    async with consumer(kafka) as reading:
        found = [await reading.getone() for _ in range(4)]
        handed_out = [await reading.position(at) for at in reading.assignment()]
        assert sum(handed_out) == 4
        await reading.commit()
    async with consumer(kafka) as reading:
        found += [await reading.getone() for _ in range(6)]

    assert sorted(int(each.value or b"") for each in found) == list(range(10))
    assert [place(each) for each in found] == sorted(place(each) for each in found)


async def test_what_failed_is_handed_out_again_before_anything_else(kafka: Kafka) -> None:
    await send(kafka, 10)
    async with consumer(kafka) as reading:
        [*_, third] = [await reading.getone() for _ in range(3)]
        reading.seek(TopicPartition(third.topic, third.partition), third.offset)
        await reading.commit()  # of the two before
        assert await reading.getone() == third
    async with consumer(kafka) as reading:
        assert await reading.getone() == third


async def test_a_replica_that_comes_hands_out_none_that_the_other_one_has(kafka: Kafka) -> None:
    for number in range(40):
        suffix = ("", "", "-scored")[number % 3]
        type = f"gyre.{kafka.topic}{suffix}".encode()
        await kafka.send(b'{"a": %d}' % number, suffix=suffix, ce_id=b"%d" % number, ce_type=type)
    one, two = Broker(kafka.settings), Broker(kafka.settings)
    handled: list[int] = []
    begun = asyncio.Event()

    async def handle(body: dict[str, int]) -> None:
        handled.append(body["a"])
        begun.set()
        await asyncio.sleep(0.05)  # the work

    for broker in (one, two):
        broker.subscriber(kafka.topic, f"{kafka.topic}-scored", in_order=True)(handle)
    async with one, two:
        await one.start()
        await begun.wait()
        await two.start()
        async with asyncio.timeout(TIMEOUT_S):
            await until(lambda: len(handled) >= 40)
            await kafka.commits(27)

    assert handled == list(range(40))
