"""What Kafka holds of some topics, in one order."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndTimestamp

from gyre_service.errors import Rejected, Unavailable
from gyre_service.kafka.parser import Record
from gyre_service.settings import ServiceSettings

Start: TypeAlias = int | datetime  # an offset of every partition, or when a record was appended
Waiting: TypeAlias = dict[TopicPartition, deque[Record]]

READ = 500  # records of a partition at once
WAIT_MS = 1000


@dataclass(frozen=True)
class Decided:
    """Where the service stood when it decided: only then is the order of partitions known.

    Args:
        cause: The `ce_id` of what it handled last.
        last: The last record of each partition that it had handled, `cause` among them.
    """

    cause: bytes
    last: Mapping[TopicPartition, int]


async def history(
    settings: ServiceSettings,
    topics: Iterable[str],
    *,
    whole: Iterable[str] = (),
    start: Start = 0,
    decided: Iterable[Decided] = (),
) -> AsyncIterator[Record]:
    """Yield what is in the log at this moment, oldest first.

    Of a partition in the order of its offsets; of several, what was appended first, unless a
    decision says otherwise.

    Args:
        settings: Of the service.
        topics: Read from `start`.
        whole: Topics that are read from their beginning, whatever `start` is.
        start: An offset beyond the end, or a time after it, yields nothing of the partition.
        decided: Where the service stood, in the order of its decisions.

    Raises:
        Rejected: A topic is missing.
        Unavailable: Kafka is away.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_servers,
        client_id=f"{settings.service}-replay",  # in no group: nothing is committed
    )
    try:
        await consumer.start()
        all_of = await _partitions(consumer, whole)
        partitions = await _partitions(consumer, set(topics) - set(whole))
        consumer.assign([*all_of, *partitions])
        begins = await consumer.beginning_offsets([*all_of, *partitions])
        ends = await consumer.end_offsets([*all_of, *partitions])
        begins |= await _starts(consumer, partitions, begins, ends, start)
        for partition, offset in begins.items():
            consumer.seek(partition, offset)
        async for record in _merged(consumer, ends, deque(decided)):
            yield record
    except KafkaError as error:
        raise Unavailable(f"Kafka at {settings.kafka_servers}: {error!r}") from error
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    known = await consumer.topics()
    if missing := sorted(set(topics) - known):
        raise Rejected(f"there is no topic {missing[0]} in this Kafka")
    return [
        TopicPartition(topic, number)
        for topic in sorted(topics)
        for number in sorted(consumer.partitions_for_topic(topic) or ())
    ]


async def _starts(
    consumer: AIOKafkaConsumer,
    partitions: list[TopicPartition],
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    start: Start,
) -> dict[TopicPartition, int]:
    if isinstance(start, int):
        return {at: min(max(start, begins[at]), ends[at]) for at in partitions}
    wanted = dict.fromkeys(partitions, int(start.timestamp() * 1000))
    found: Mapping[TopicPartition, OffsetAndTimestamp | None] = await consumer.offsets_for_times(
        wanted
    )
    return {at: one.offset if (one := found[at]) else ends[at] for at in partitions}


async def _merged(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], decided: deque[Decided]
) -> AsyncIterator[Record]:
    waiting: Waiting = {at: deque() for at in ends}
    while waiting:
        # Which is the oldest is known when every partition has said its next.
        while empty := [at for at, records in waiting.items() if not records]:
            found = await consumer.getmany(*empty, timeout_ms=WAIT_MS, max_records=READ)
            for at, records in found.items():
                waiting[at].extend(one for one in records if one.offset < ends[at])
            for at in empty:
                # A position passes what is no record: a transaction's marker, a compacted one.
                if not waiting[at] and await consumer.position(at) >= ends[at]:
                    del waiting[at]
        if waiting:
            yield next_of(waiting, decided)


def next_of(waiting: Waiting, decided: deque[Decided]) -> Record:
    """Take the next record out of `waiting`, and out of `decided` what has been decided."""
    before: list[deque[Record]] = []
    while decided and not (before := _before(waiting, decided[0])):
        decided.popleft()
    free = list(waiting.values())
    if decided:
        last = decided[0].last
        free = [records for at, records in waiting.items() if at not in last]
        # Its cause only when nothing else is left that was handled before the decision.
        free += [each for each in before if not _is_cause(each[0], decided[0])] or before
    return min(free, key=lambda each: (each[0].timestamp, each[0].topic)).popleft()


def _before(waiting: Waiting, decision: Decided) -> list[deque[Record]]:
    return [
        waiting[at]
        for at, last in decision.last.items()
        if at in waiting and waiting[at][0].offset <= last
    ]


def _is_cause(record: Record, decision: Decided) -> bool:
    return dict(record.headers).get("ce_id") == decision.cause
