"""Consumers and a producer of the log, where the kit expects aiokafka's."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from faststream.kafka import KafkaBroker
from faststream.kafka.testing import build_message

from tests.faults.fake_log.log import Log, Record, partitions
from tests.faults.fake_log.mortal import Mortal, Sleeper


class Group:
    """The consumers of one life.

    They are given one record at a time, in the order in which all were appended: so a history can
    be repeated, and two of them compared.
    """

    def __init__(self, log: Log, life: Mortal) -> None:
        self.log = log
        self.life = life
        self._consumers: list[Consumer] = []
        self._at_work: Consumer | None = None
        self._turn = asyncio.Condition()

    def consumer(self, **_: Any) -> "Consumer":
        """Return one more, as FastStream asks for it."""
        self._consumers.append(Consumer(self))
        return self._consumers[-1]

    async def next(self, consumer: "Consumer") -> Record:
        """Return the oldest record that nobody was given, when it is `consumer`'s turn."""
        async with self._turn:
            if self._at_work is consumer:
                self._at_work = None
                self._turn.notify_all()
            while not self.life.died.is_set():
                record = self._oldest()
                if record is not None and not self._at_work and consumer.takes(record):
                    self._at_work = consumer
                    return record
                await self._turn.wait()
        await self.life.stay_dead()
        if isinstance(self.life, Sleeper):  # another process has its partitions
            self.life.has_nothing_left.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def come_to_the_end(self) -> None:
        """Wait until every record was handled and its offset committed."""
        async with self._turn:
            self._turn.notify_all()  # of what was appended meanwhile
            await self._turn.wait_for(lambda: not self._at_work and self._oldest() is None)

    def _oldest(self) -> Record | None:
        waiting = [
            self.log.records[at][offset]
            for consumer in self._consumers
            for at, offset in consumer.positions.items()
            if offset < len(self.log.records[at])
        ]
        return min(waiting, key=lambda record: record.timestamp, default=None)


class Consumer:
    """All partitions of its topics are its own. `commit` takes every position, as aiokafka's."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.positions: dict[TopicPartition, int] = {}

    def subscribe(self, topics: list[str], **_: Any) -> None:
        self.positions = {at: self._group.log.committed[at] for at in partitions(topics)}

    async def start(self) -> None:
        """Nothing connects."""

    async def stop(self) -> None:
        """Nothing is connected."""

    def takes(self, record: Record) -> bool:
        return TopicPartition(record.topic, record.partition) in self.positions

    async def getone(self) -> Record:
        record = await self._group.next(self)
        self.positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        await self._group.life.pass_by("after_read")
        return record

    async def commit(self) -> None:
        await self._group.life.pass_by("after_handling")
        if self._group.life.died.is_set():  # and woken since
            raise CommitFailedError
        self._group.log.committed.update(self.positions)
        await self._group.life.pass_by("after_offset")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset


class Producer:
    """Appends; what it is given is encoded as FastStream's own does it."""

    closed = False

    def __init__(self, log: Log, life: Mortal, broker: KafkaBroker) -> None:
        self._log = log
        self._life = life
        self._broker = broker

    def __bool__(self) -> bool:
        return True

    async def publish(self, command: Any) -> None:
        await self._life.pass_by("after_commit")
        config = self._broker.config
        made = await build_message(
            message=command.body,
            topic=command.destination,
            key=command.key,
            headers=command.headers,
            correlation_id=command.correlation_id,
            serializer=config.fd_config._serializer,
        )
        self._log.append(command.destination, made.key, made.value, list(made.headers))
        await self._life.pass_by("after_publish")
