"""In which order a service handled the records of several partitions.

Every event that a handler publishes says in a header how far its process had read then: what Kafka
knows of one partition, the log then knows of all.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop
from math import inf
from typing import Final, Self, TypeAlias

from aiokafka import TopicPartition

from gyre_service.kafka.parser import Record

READ: Final = "gyre-read"
Waiting: TypeAlias = dict[TopicPartition, deque[Record]]  # of each partition its next ones
Place: TypeAlias = tuple[TopicPartition, int]  # of a record


@dataclass(frozen=True)
class Told:
    """Where a service stood when it published something.

    Args:
        cause: What it was handling.
        last: The last record of its partitions that it had begun to handle, the cause among them.
    """

    cause: Place
    last: Mapping[TopicPartition, int]

    @classmethod
    def of(cls, record: Record) -> Self | None:
        """Read what a published record tells; None if it tells nothing that can be read."""
        said = dict(record.headers).get(READ)
        if not said:  # no handled record caused it
            return None
        try:
            last = read(said.decode())
        except ValueError:  # anybody's, who writes to our topics
            return None
        return cls(next(iter(last.items())), last)


def say(cause: Place, read: Mapping[TopicPartition, int]) -> str:
    """Return how far partitions were read as a header says it, the cause's first.

    >>> say((TopicPartition("asked", 0), 7), {TopicPartition("judged", 2): 0})
    'asked/0:7,judged/2:0'
    """
    all_of = dict([cause]) | {at: offset for at, offset in read.items() if at != cause[0]}
    return ",".join(f"{at.topic}/{at.partition}:{offset}" for at, offset in all_of.items())


def read(said: str) -> dict[TopicPartition, int]:
    """Return how far partitions were read, as `say` has said it.

    Raises:
        ValueError: It was said otherwise.

    >>> read("asked/0:7")
    {TopicPartition(topic='asked', partition=0): 7}
    """
    found = {}
    for each in said.split(","):
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
        self._causes: set[Place] = set()
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
        free = self._free(waiting)
        record = min(free, key=lambda each: (each[0].timestamp, each[0].topic)).popleft()
        if self._told and _place(record) == self._told[0].cause:
            self._forget()
        return record

    def _free(self, waiting: Waiting) -> list[deque[Record]]:
        while self._told:
            first = self._told[0]
            before = {
                at: records
                for at, records in waiting.items()
                if records[0].offset <= first.last.get(at, -1)
            }
            # Its cause only when nothing else is left of what it had seen.
            early = any(_place(records[0]) != first.cause for records in before.values())
            free = {
                at: records
                for at, records in waiting.items()
                if records[0].offset <= self._limit(at)
                and (
                    (place := _place(records[0])) not in self._causes
                    or (place == first.cause and not early)
                )
            }
            if before.keys() & free.keys():
                return list(free.values())
            # All that it had seen was taken or has left the log, or a later one contradicts it.
            self._forget()
        return list(waiting.values())

    def _forget(self) -> None:
        self._causes.discard(self._told.popleft().cause)
        self._over += 1

    def _limit(self, at: TopicPartition) -> float:
        """Return the last record of a partition before something that is still to come."""
        heap = self._seen.get(at, [])
        while heap and heap[0][1] < self._over:
            heappop(heap)
        return heap[0][0] if heap else inf


def _place(record: Record) -> Place:
    return TopicPartition(record.topic, record.partition), record.offset
