"""In which order a service handled the records of several partitions."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from aiokafka import TopicPartition

from gyre_service.kafka.parser import Record

Waiting: TypeAlias = dict[TopicPartition, deque[Record]]  # of each partition its next ones


@dataclass(frozen=True)
class Told:
    """Where a service stood when it published something.

    Args:
        cause: The `ce_id` of what it had just handled.
        at_ms: When it was published.
        last: The last record of some partitions that it had handled, the cause's among them, where
            it has said that.
    """

    cause: bytes
    at_ms: int
    last: Mapping[TopicPartition, int] = field(default_factory=dict)


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
        for each in told:
            if each.cause not in self._causes:  # else it caused several, or was delivered again
                self._told.append(each)
                self._causes.add(each.cause)

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
            if records[0].offset <= first.last.get(at, inf)
            and ((id := _id(records[0])) not in self._causes or (id == first.cause and not early))
        ]

    def _is_over(self, told: Told, waiting: Waiting, now: int) -> bool:
        """Tell whether all was taken that came before, or cannot be in the log any more."""
        return told.at_ms < now or (bool(told.last) and not _seen(told, waiting))

    def _forget(self) -> None:
        self._causes.discard(self._told.popleft().cause)


def _seen(told: Told, waiting: Waiting) -> list[deque[Record]]:
    return [
        waiting[at]
        for at, last in told.last.items()
        if at in waiting and waiting[at][0].offset <= last
    ]


def _id(record: Record) -> bytes | None:
    return next((value for name, value in record.headers if name == "ce_id"), None)
