"""In which order a service handled the records of several partitions.

Every event that a handler publishes says in a header how far its process had read then: what Kafka
knows of one partition, the log then knows of all.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop
from math import inf
from typing import Final, Self, TypeAlias

from aiokafka import TopicPartition

from gyre_service.kafka.parser import Record

READ: Final = "gyre-read"
Waiting: TypeAlias = dict[TopicPartition, deque[Record]]  # of each partition its next ones


@dataclass(frozen=True)
class Told:
    """Where a service stood when it published something.

    Args:
        cause: The `ce_id` of what it had just handled.
        at_ms: When it was published.
        last: The last record of its partitions that it had handled, the cause's among them.
    """

    cause: bytes
    at_ms: int
    last: Mapping[TopicPartition, int] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record) -> Self | None:
        """Read what a published record tells; None if no handled one caused it."""
        headers = dict(record.headers)
        cause = headers.get("ce_causationid")
        if cause is None:
            return None
        return cls(cause, record.timestamp, read(headers.get(READ, b"").decode()))


def say(read: Mapping[TopicPartition, int]) -> str:
    """Return how far partitions were read as a header says it.

    >>> say({TopicPartition("asked", 0): 7, TopicPartition("judged", 2): 0})
    'asked/0:7,judged/2:0'
    """
    return ",".join(f"{at.topic}/{at.partition}:{offset}" for at, offset in read.items())


def read(said: str) -> dict[TopicPartition, int]:
    """Return how far partitions were read, as `say` has said it.

    >>> read("asked/0:7")
    {TopicPartition(topic='asked', partition=0): 7}
    """
    found = {}
    for each in said.split(",") if said else ():
        place, _, offset = each.rpartition(":")
        topic, _, partition = place.partition("/")
        found[TopicPartition(topic, int(partition))] = int(offset)
    return found


class Ordering:
    """Takes records as the service did, as far as it has told.

    Of a partition in the order of its offsets; causes in the order of what they caused; none that
    a decision had not seen before it, and none that it had seen after it; else by timestamp.

    Args:
        told: In the order of publishing.
    """

    def __init__(self, told: Iterable[Told]) -> None:
        self._told: deque[Told] = deque()
        self._causes: set[bytes] = set()
        self._over = 0  # so many of them bind no more
        # By partition: the last offset that each of them had seen, and its number.
        self._seen: dict[TopicPartition, list[tuple[int, int]]] = defaultdict(list)
        for each in told:
            if each.cause in self._causes:  # it caused several, or was delivered again
                continue
            for at, last in each.last.items():
                self._seen[at].append((last, len(self._told)))
            self._told.append(each)
            self._causes.add(each.cause)
        for heap in self._seen.values():
            heapify(heap)

    def take(self, waiting: Waiting) -> Record:
        """Take the next record out of `waiting`, in which every partition that goes on has one."""
        while not (free := self._free(waiting)):
            self._forget()  # what it would have us wait for stands behind what may not come yet
        record = min(free, key=lambda each: (each[0].timestamp, each[0].topic)).popleft()
        if self._told and _id(record) == self._told[0].cause:
            self._forget()
        return record

    def _free(self, waiting: Waiting) -> list[deque[Record]]:
        now = min(records[0].timestamp for records in waiting.values())
        while self._told and self._is_over(self._told[0], waiting, now):
            self._forget()
        if not self._told:
            return list(waiting.values())
        first = self._told[0]
        early = any(_id(each[0]) != first.cause for each in _seen(first, waiting))
        return [
            records
            for at, records in waiting.items()
            if records[0].offset <= self._limit(at)
            and ((id := _id(records[0])) not in self._causes or (id == first.cause and not early))
        ]

    def _is_over(self, told: Told, waiting: Waiting, now: int) -> bool:
        """Tell whether all was taken that came before, or cannot be in the log any more."""
        return told.at_ms < now or (bool(told.last) and not _seen(told, waiting))

    def _forget(self) -> None:
        self._causes.discard(self._told.popleft().cause)
        self._over += 1

    def _limit(self, at: TopicPartition) -> float:
        """Return the last record of a partition before something that is still to come."""
        heap = self._seen.get(at, [])
        while heap and heap[0][1] < self._over:
            heappop(heap)
        return heap[0][0] if heap else inf


def _seen(told: Told, waiting: Waiting) -> list[deque[Record]]:
    return [
        waiting[at]
        for at, last in told.last.items()
        if at in waiting and waiting[at][0].offset <= last
    ]


def _id(record: Record) -> bytes | None:
    return next((value for name, value in record.headers if name == "ce_id"), None)
