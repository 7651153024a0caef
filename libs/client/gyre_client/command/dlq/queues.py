"""Reads and writes dead letters and the marks on them, in Kafka itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from pydantic import AwareDatetime, BaseModel, ValidationError

from gyre_client.command.dlq.letters import SUFFIX, DeadLetter, Headers, Record, parse_id
from gyre_client.errors import GyreError, Unreachable

MARKS = "dlq-marks"
TIMEOUT_S = 10  # of each step; aiokafka's own are longer, or none
MAX_BYTES = 4 * 1024 * 1024  # above the largest record of a dead letter topic
CREATE = "`make up`, or `python -m gyre_local.topics --servers HOST:PORT`, creates it"


class Mark(BaseModel):
    """What an operator did with a dead letter."""

    mark: Literal["redriven", "dropped"]
    at: AwareDatetime


class Queues:
    """The dead letters of every service, as they were when it connected."""

    def __init__(self, servers: str, admin: AIOKafkaAdminClient) -> None:
        self._servers = servers
        self._admin = admin
        self._producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            enable_idempotence=True,  # and with it acks=all
            max_request_size=MAX_BYTES,
            request_timeout_ms=TIMEOUT_S * 1000,
        )
        self._writing = False
        self.partitions: dict[str, list[int]] = {}  # of each topic
        self.marks: dict[bytes, Mark] = {}

    async def start(self) -> None:
        """See which topics there are, and what is marked.

        Raises:
            GyreError: The topic of the marks is missing.
        """
        for topic in await self._admin.describe_topics():
            self.partitions[topic["topic"]] = sorted(p["partition"] for p in topic["partitions"])
        if MARKS not in self.partitions:
            raise GyreError(f"topic {MARKS} is missing at {self._servers}: {CREATE}")
        async for record in self.read(MARKS):
            try:
                self.marks[record.key] = Mark.model_validate_json(record.value or b"")
            except ValidationError:  # no mark that we know: what it is about stays listed
                self.marks.pop(record.key, None)

    async def stop(self) -> None:
        await _end(self._producer.stop())

    def services(self) -> list[str]:
        """Return every service that has a topic of dead letters."""
        return sorted(t.removesuffix(SUFFIX) for t in self.partitions if t.endswith(SUFFIX))

    def topic(self, service: str) -> str:
        """Return the topic of a service's dead letters.

        Raises:
            GyreError: There is none.
        """
        if f"{service}{SUFFIX}" not in self.partitions:
            known = ", ".join(self.services())
            raise GyreError(f"no service {service!r} has dead letters; there are: {known}")
        return f"{service}{SUFFIX}"

    async def letters(self, service: str) -> AsyncIterator[DeadLetter]:
        """Yield what `service` parked, marked or not, in the order of parking."""
        async for record in self.read(self.topic(service)):
            yield DeadLetter.of(record)

    async def letter(self, service: str, id: str) -> DeadLetter:
        """Return one dead letter.

        Raises:
            GyreError: There is no such service or id, or not any more.
        """
        topic, place = self.topic(service), parse_id(id)
        if place and place[0] in self.partitions[topic]:
            async for record in self.read(topic, place):
                return DeadLetter.of(record)
        raise GyreError(
            f"{service} has no dead letter {id!r}: `gyre dlq list {service}` lists them"
        )

    async def read(self, topic: str, only: tuple[int, int] | None = None) -> AsyncIterator[Record]:
        """Yield what `topic` holds now, or the one record at a partition and offset.

        Raises:
            TimeoutError: Kafka went away.
        """
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            auto_offset_reset="earliest",  # retention may delete under our hands
            max_partition_fetch_bytes=MAX_BYTES,
            request_timeout_ms=TIMEOUT_S * 1000,
        )
        partitions = [only[0]] if only else self.partitions[topic]
        places = [TopicPartition(topic, partition) for partition in partitions]
        try:
            await consumer.start()
            firsts = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
            if only:
                [place] = places
                firsts[place] = max(firsts[place], only[1])
                ends[place] = min(ends[place], only[1] + 1)
            # Once: aiokafka's fetcher does not always end after a second `assign`. And `seek` at
            # once, or the answer to the reset that `assign` begins would win.
            consumer.assign(places)
            for place in places:
                consumer.seek(place, firsts[place])
            for place in places:
                while records := await _until(consumer, place, ends[place]):
                    for record in records:
                        yield record
        finally:
            await _end(consumer.stop())

    def mark_of(self, letter: DeadLetter) -> Mark | None:
        return self.marks.get(_key(letter))

    async def mark(self, letter: DeadLetter, mark: Literal["redriven", "dropped"]) -> None:
        """Note what was done with a dead letter; the last mark stands."""
        value = Mark(mark=mark, at=datetime.now(UTC)).model_dump_json().encode()
        await self.publish(MARKS, value, key=_key(letter))

    async def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        headers: Headers | None = None,
        partition: int | None = None,
    ) -> int:
        """Return the record's offset, once every replica in sync has it.

        Raises:
            TimeoutError: It may be there or not.
        """
        async with asyncio.timeout(TIMEOUT_S):
            if not self._writing:
                await self._producer.start()
                self._writing = True
            done = await self._producer.send_and_wait(
                topic, value, key=key, partition=partition, headers=headers
            )
        return int(done.offset)

    async def is_compacted(self, topic: str) -> bool:
        name = "cleanup.policy"
        wanted = ConfigResource(ConfigResourceType.TOPIC, topic, {name: ""})
        [answer] = await self._admin.describe_configs([wanted])
        [(code, reason, _, _, entries)] = answer.resources
        if code:
            raise GyreError(f"Kafka does not tell how {topic} is cleaned up: {reason}")
        return any(entry[0] == name and "compact" in entry[1] for entry in entries)


async def _until(consumer: AIOKafkaConsumer, place: TopicPartition, end: int) -> list[Record]:
    """Return the next records of a partition that are before `end`; none when it is reached."""
    async with asyncio.timeout(TIMEOUT_S):
        while await consumer.position(place) < end:
            if records := (await consumer.getmany(place, timeout_ms=500)).get(place):
                return [record for record in records if record.offset < end]
    return []


async def _end(stopping: Awaitable[None]) -> None:
    # Without Kafka a client waits for ever to flush; what was not acknowledged has been told.
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await stopping


def _key(letter: DeadLetter) -> bytes:
    # With its time: in a topic that was made anew, the same offset is another record.
    record = letter.record
    return f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}".encode()


@asynccontextmanager
async def connect(servers: str) -> AsyncIterator[Queues]:
    """Yield the dead letters at `servers`.

    Raises:
        Unreachable: Nothing answers there, or no longer.
        GyreError: Kafka refuses something, or a topic is missing.
    """
    # It logs every attempt as an error; ours is one line at the end.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=TIMEOUT_S * 1000)
    queues = Queues(servers, admin)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await admin.start()
        await queues.start()
        yield queues
    except (KafkaConnectionError, NodeNotReadyError, TimeoutError) as error:
        raise Unreachable(
            f"Kafka does not answer at {servers}: "
            "start it with `make up`, or set GYRE_KAFKA_SERVERS"
        ) from error
    except KafkaError as error:
        raise GyreError(f"Kafka at {servers} says: {error}") from error
    finally:
        await queues.stop()
        await _end(admin.close())
