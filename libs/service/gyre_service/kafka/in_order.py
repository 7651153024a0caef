"""Takes the records of several topics in the order in which Kafka took them."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from gyre_service.kafka.parser import Record


class Together(RangePartitionAssignor):  # type: ignore[misc]
    """Gives one member all partitions of a number.

    Under the name that members of the release before this one know: aiokafka joins a group once for
    each name that it may use, and two members may keep each other from ever being done.
    """

    name: ClassVar[str] = "sticky"


TOGETHER: Final = (Together,)
POLL_MS = 20  # aiokafka tells nobody that a partition was asked, and had nothing
IDLE_MS = 500  # but it does tell that something came
PATIENCE_S = 5.0
MOST = 200  # records of a partition at once
OPTIONS: Final[dict[str, Any]] = {
    "partition_assignment_strategy": TOGETHER,
    "fetch_max_wait_ms": 100,  # the longest that a record waits for a partition that is silent
}


@dataclass
class Fetched:
    """Records of a partition that were fetched, and are not handed out.

    Args:
        records: Oldest first.
        at_ms: When Kafka's answer came.
        waits_since: When it was found to wait for another partition (`time.monotonic`).
    """

    records: deque[Record]
    at_ms: int
    waits_since: float | None = None

    @property
    def oldest(self) -> int:
        return int(self.records[0].timestamp)


class InOrder(AIOKafkaConsumer):  # type: ignore[misc]
    """A consumer of topics that are partitioned alike, by keys of one kind.

    Of the partitions of one number it hands out first what was appended first. Kafka itself keeps
    an order within a partition only: what a handler keeps of several topics would depend on which
    of them was fetched first, and a process that comes back finds all of them waiting.

    A record waits until every other partition of its number was asked since, as in Kafka Streams
    (KIP-353, KIP-695), but no longer than `PATIENCE_S` for one that does not answer (then
    what was fetched with it goes on, too).
    The brokers' clocks decide, as far as these agree.
    """

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._ahead: dict[TopicPartition, Fetched] = {}
        self._done: dict[TopicPartition, int] = {}  # where to go on, not committed yet

    async def getone(self, *partitions: TopicPartition) -> Record:
        """Return the next record; wait for it.

        Raises:
            TypeError: Some partitions are named.
        """
        if partitions:
            raise TypeError("an order is one of all partitions")
        timeout_ms = 0
        while True:
            assigned = self.assignment()
            empty = [at for at in assigned if at not in self._ahead]
            if empty or not assigned:
                await self._fetch(empty, timeout_ms)
            for at in self._oldest():
                if await self._may_go(at):
                    return self._hand_out(at)
            timeout_ms = POLL_MS if self._ahead else IDLE_MS

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset that is handed out next: whoever watches sees what is held up, too."""
        if (fetched := self._ahead.get(partition)) is not None:
            return int(fetched.records[0].offset)
        return int(await super().position(partition))

    def put_back(self) -> None:
        """Forget what was fetched: another member may be given it now."""
        self._ahead.clear()

    def let_go(self) -> None:
        """Forget what was handed out: where to go on is another's to say from now on."""
        self._done.clear()

    async def commit(self, offsets: dict[TopicPartition, int] | None = None) -> None:
        """Commit `offsets`, or else all that was handed out: a position is that of a fetch."""
        done, self._done = self._done, {}
        mine = {at: offset for at, offset in done.items() if at in self.assignment()}
        try:
            if offsets or mine:
                await super().commit(offsets or mine)
        except KafkaError:
            self._done = done | self._done
            raise

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._ahead.pop(partition, None)
        self._done[partition] = offset
        super().seek(partition, offset)

    def _oldest(self) -> Iterable[TopicPartition]:
        """Return of each number the partition whose next record is the oldest, the oldest first."""
        found: dict[int, TopicPartition] = {}
        for at in sorted(self._ahead, key=lambda at: (self._ahead[at].oldest, at.topic)):
            found.setdefault(at.partition, at)
        return found.values()

    def _hand_out(self, at: TopicPartition) -> Record:
        fetched = self._ahead[at]
        record = fetched.records.popleft()
        if not fetched.records:
            del self._ahead[at]
        self._done[at] = record.offset + 1
        return record

    async def _fetch(self, empty: list[TopicPartition], timeout_ms: int) -> None:
        """Take what has come of `empty`; wait for the first.

        One record, and then one partition a call: where a second partition's records cannot be
        read, aiokafka (0.14) has moved on in the first already, and drops what that one gave.
        """
        self._keep(await self.getmany(*empty, timeout_ms=timeout_ms, max_records=1))
        for at in empty:
            self._keep(await self.getmany(at, max_records=MOST))

    def _keep(self, found: dict[TopicPartition, list[Record]]) -> None:
        for at, records in found.items():
            kept = self._ahead.setdefault(at, Fetched(deque(), self.last_poll_timestamp(at)))
            kept.records.extend(records)

    async def _may_go(self, at: TopicPartition) -> bool:
        fetched = self._ahead[at]
        if await self._is_first(at):
            fetched.waits_since = None
            return True
        fetched.waits_since = fetched.waits_since or time.monotonic()
        # Nobody leads the other one, or its broker is away.
        return time.monotonic() > fetched.waits_since + PATIENCE_S

    async def _is_first(self, at: TopicPartition) -> bool:
        """Tell whether those of its number that have nothing waiting can bring nothing older."""
        fetched_ms = self._ahead[at].at_ms
        for other in self.assignment():
            if other.partition != at.partition or other in self._ahead:
                continue
            asked_ms = self.last_poll_timestamp(other) or 0
            if asked_ms < fetched_ms or await self.position(other) < self.highwater(other):
                return False
        return True
