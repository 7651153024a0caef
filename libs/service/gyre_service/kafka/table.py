"""Reads a compacted topic as what it is: the last event of every key."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError

from gyre_events import Event
from gyre_service.kafka.cloudevents import record_key
from gyre_service.kafka.parser import Record
from gyre_service.settings import ServiceSettings
from gyre_service.stopping import stop_process

log = logging.getLogger(__name__)
E = TypeVar("E", bound=Event)
Changed: TypeAlias = Callable[[str, E], None]


def unheard(tenant: str, row: Event) -> None:
    """Hear of a change, and do nothing."""


class Table(Generic[E]):
    """The whole topic in memory, in every replica.

    The last record of a key wins, and a republished one may come late: an event for a
    table has a `revision` if it may change twice.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        event: type[E],
        changed: Changed[E] = unheard,
    ) -> None:
        """Prepare to read the topic of `event`.

        Args:
            settings: Of the service.
            event: Its class.
            changed: Called with the tenant and the new row, after each change.
        """
        self.event = event
        self._changed = changed
        self._rows: dict[bytes, E] = {}  # by the record's key, which begins with the tenant
        self._by_key: dict[bytes, set[bytes]] = {}  # the records' keys, by the row's own
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._reader: asyncio.Task[None] | None = None

    def get(self, tenant: str, key: str) -> E | None:
        return self._rows.get(record_key(tenant, key.encode()))

    def find(self, key: str) -> tuple[str, E] | None:
        """Return the row with `key` whoever it belongs to, and its tenant."""
        if not (found := self._by_key.get(key.encode())):
            return None
        first = min(found)  # of several tenants
        return _tenant(first), self._rows[first]

    def rows(self) -> list[tuple[str, E]]:
        """Return every row with its tenant, in the order of their keys."""
        return [(_tenant(key), row) for key, row in sorted(self._rows.items())]

    async def start(self) -> None:
        """Return when all that the topic held at this moment is here; go on reading.

        Raises:
            UnknownTopicOrPartitionError: The topic is missing (seen after 40 s).
        """
        self._consumer = consumer = AIOKafkaConsumer(
            self.event.topic,  # without a group: every partition, nothing committed
            bootstrap_servers=self._settings.kafka_servers,
            client_id=self._settings.service,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        ends = await consumer.end_offsets(consumer.assignment())
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                await self._read(consumer)
        self._reader = asyncio.create_task(self._follow(consumer))

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._consumer is not None:
            await self._consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        try:
            while True:
                await self._read(consumer)
        except Exception as error:  # a table that stands still must not look alive
            stop_process(f"table {self.event.topic}: {error!r}")

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                self.apply(record)

    def apply(self, record: Record) -> None:
        """Take the next record of the topic."""
        if record.key is None:
            log.error("no key: %s/%s/%s", record.topic, record.partition, record.offset)
        elif record.value is None:  # a tombstone
            self._put(record.key, None)
        else:
            try:
                row = self.event.model_validate_json(record.value)
            except ValidationError as error:  # every replica meets it: not for the dead letters
                log.error("kept the row before %s: %r", record.offset, error)
                return
            before = self._rows.get(record.key)
            if getattr(row, "revision", 0) < getattr(before, "revision", 0):
                return  # published again, after a later one
            self._put(record.key, row)
            self._changed(_tenant(record.key), row)

    def _put(self, key: bytes, row: E | None) -> None:
        if (before := self._rows.pop(key, None)) is not None:
            self._by_key[before.key].discard(key)
        if row is not None:
            self._rows[key] = row
            self._by_key.setdefault(row.key, set()).add(key)


def _tenant(key: bytes) -> str:
    return key.decode().partition("/")[0]


class PastTable(Table[E]):
    """The topic as it was at some moment: it holds what `apply` was given."""

    async def start(self) -> None:
        """Nothing is read: whoever reads the log gives each record when it is its turn."""

    async def stop(self) -> None:
        """Nothing was started."""
