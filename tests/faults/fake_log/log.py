"""Partitions, offsets, and what a group has committed."""

import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from aiokafka import ConsumerRecord, TopicPartition

Record: TypeAlias = ConsumerRecord[bytes, bytes]
Headers: TypeAlias = list[tuple[str, bytes]]

PARTITIONS = 3
BEGAN_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Log:
    """Outlives every process that reads or writes it."""

    def __init__(self) -> None:
        self.records: dict[TopicPartition, list[Record]] = defaultdict(list)
        self.committed: dict[TopicPartition, int] = defaultdict(int)
        self.parked: list[Record] = []
        self._appended = 0

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Put a record into the partition of its key, as every producer does.

        Its timestamp grows by a second with each record of the whole log.
        """
        at = TopicPartition(topic, zlib.crc32(key or b"") % PARTITIONS)
        self._appended += 1
        record = ConsumerRecord(
            topic=topic,
            partition=at.partition,
            offset=len(self.records[at]),
            timestamp=BEGAN_MS + 1_000 * self._appended,
            timestamp_type=1,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=len(key or b""),
            serialized_value_size=len(value or b""),
            headers=headers,
        )
        self.records[at].append(record)

    def of(self, topic: str) -> list[Record]:
        """Return the records of a topic in the order of appending."""
        found = [record for at in partitions((topic,)) for record in self.records[at]]
        return sorted(found, key=lambda record: record.timestamp)


def partitions(topics: Iterable[str]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
