from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CorruptRecordException

from gyre_service.kafka.in_order import OPTIONS, InOrder
from gyre_service.kafka.parser import Record

GOOD, BAD = TopicPartition("asked", 0), TopicPartition("judged", 0)


def record(at: TopicPartition, offset: int) -> Record:
    return ConsumerRecord(*at, offset, offset, 0, None, b"", None, 0, 0, ())


class Consumer(InOrder):
    """Without Kafka: gives out what it holds partition by partition, as aiokafka does.

    Args:
        held: By partition, what comes next; None cannot be read.
    """

    def __init__(self, held: dict[TopicPartition, list[Record | None]]) -> None:
        super().__init__(*(at.topic for at in held), **OPTIONS)
        self.held = held

    def assignment(self) -> set[TopicPartition]:
        return set(self.held)

    def last_poll_timestamp(self, partition: TopicPartition) -> int:
        return 1

    def highwater(self, partition: TopicPartition) -> int:
        return 0

    async def position(self, partition: TopicPartition) -> int:
        return 0

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int = 0
    ) -> dict[TopicPartition, list[Record]]:
        found: dict[TopicPartition, list[Record]] = {}
        for at in (each for each in self.held if each in partitions):
            records = self.held[at][:max_records]
            if None in records:
                raise CorruptRecordException
            if records:
                self.held[at] = self.held[at][max_records:]  # its position has moved
                found[at] = [each for each in records if each is not None]
                max_records -= len(records)
            if max_records == 0:
                break
        return found


async def test_a_partition_that_cannot_be_read_takes_nothing_from_the_one_before() -> None:
    held: dict[TopicPartition, list[Any]] = {
        GOOD: [record(GOOD, offset) for offset in range(3)],
        BAD: [None],
    }
    consumer = Consumer(held)
    for _ in range(2):
        with pytest.raises(CorruptRecordException):
            await consumer.getone()

    held[BAD] = []
    assert [(await consumer.getone()).offset for _ in range(3)] == [0, 1, 2]
