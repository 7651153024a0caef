"""What Kafka holds of some topics, in one order."""

import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from gyre_service.errors import Rejected, Unavailable
from gyre_service.kafka.ordering import Ordering, Told, Waiting
from gyre_service.kafka.parser import Record
from gyre_service.settings import ServiceSettings

Start: TypeAlias = int | datetime  # an offset of every partition, or when a record was appended

READ = 500  # records of a partition at once
WAIT_MS = 1000
SILENCE_S = 60.0
LAST = 2**63 - 1  # offset of nothing


async def history(
    settings: ServiceSettings,
    topics: Iterable[str],
    *,
    whole: Iterable[str] = (),
    start: Start = 0,
    told: Iterable[Told] = (),
) -> AsyncIterator[Record]:
    """Yield what is in the log at this moment, oldest first.

    Of a partition in the order of its offsets; of several, what was appended first, unless the
    service has told otherwise.

    Args:
        settings: Of the service.
        topics: Read from `start`.
        whole: Topics that are read from their beginning, whatever `start` is.
        start: An offset beyond the end, or a time after it, yields nothing of the partition.
        told: What the service has told of its own order.

    Raises:
        Rejected: It is to be read from its beginning, and that is not there any more.
        Unavailable: Kafka is away, or a topic is missing.
    """
    names = {*topics, *whole}
    if not names:
        return
    consumer = AIOKafkaConsumer(
        *names,  # in no group: every partition, nothing committed
        bootstrap_servers=settings.kafka_servers,
        client_id=f"{settings.service}-replay",
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        ends = await consumer.end_offsets(consumer.assignment())
        partitions = [at for at in ends if at.topic not in whole]
        for partition, offset in (await _starts(consumer, partitions, start)).items():
            # An answer to the reset that a start begins would come after the seek, and win.
            await consumer.position(partition)
            consumer.seek(partition, min(offset, ends[partition]))
        async for record in _merged(consumer, ends, Ordering(told)):
            yield record
    except KafkaError as error:
        raise Unavailable(f"Kafka at {settings.kafka_servers}: {error!r}") from error
    finally:
        await consumer.stop()


async def _starts(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], start: Start
) -> dict[TopicPartition, int]:
    begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
    for at, begin in begins.items():
        if start == 0 and begin > 0:
            raise Rejected(
                f"{at.topic}/{at.partition} begins with record {begin}: what came before has left "
                "the log. Copy the database; or say --from, for a part"
            )
    if isinstance(start, int):
        return {at: max(start, begin) for at, begin in begins.items()}
    wanted = dict.fromkeys(partitions, int(start.timestamp() * 1000))
    found = await consumer.offsets_for_times(wanted)
    return {at: one.offset if one else LAST for at, one in found.items()}


async def _merged(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], ordering: Ordering
) -> AsyncIterator[Record]:
    waiting: Waiting = {at: deque() for at in ends}
    heard = time.monotonic()
    while waiting:
        # Which is the oldest is known when every partition has said its next.
        while empty := [at for at, records in waiting.items() if not records]:
            found = await consumer.getmany(*empty, timeout_ms=WAIT_MS, max_records=READ)
            heard = time.monotonic() if found else heard
            if time.monotonic() > heard + SILENCE_S:  # aiokafka itself asks for ever
                raise Unavailable(f"Kafka says nothing of {empty[0].topic} for {SILENCE_S:g} s")
            for at, records in found.items():
                waiting[at].extend(one for one in records if one.offset < ends[at])
            for at in empty:
                # A position passes what is no record: a transaction's marker, a compacted one.
                if not waiting[at] and await consumer.position(at) >= ends[at]:
                    del waiting[at]
        if waiting:
            heard = time.monotonic()
            yield ordering.take(waiting)
