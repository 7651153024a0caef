"""Ends a process whose consumers do nothing any more, though it looks alive."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka.subscriber.usecase import DefaultSubscriber
from prometheus_client import Gauge

from gyre_service.kafka.lag import Lag
from gyre_service.settings import ServiceSettings
from gyre_service.stopping import stop_process

LOOK_S = 1.0
POSITION_S = 0.1
STALLED = Gauge(
    "gyre_kafka_stalled_seconds",
    "How long a consumer has been idle in front of records, at the same position",
    ["topic", "partition"],
)


class Watchdog:
    """Looks at every consumer, each second.

    A handler in flight is never a stall, and so neither is a dependency that is away:
    `Failures` waits for it inside the handler's turn.
    """

    def __init__(self, settings: ServiceSettings, lag: Lag) -> None:
        self._patience_s = settings.stalled_consumer_s
        self._lag = lag
        self._ended: set[str] = set()  # at the last look
        self._stalled: dict[TopicPartition, tuple[int | None, float]] = {}  # position, since when

    async def watch(self, subscribers: Iterable[DefaultSubscriber]) -> None:
        """Look again and again, until cancelled or the process is told to stop."""
        reason = ""
        while not reason:
            await asyncio.sleep(LOOK_S)
            reason = self._look_for_ended(subscribers) or await self._look_for_stalled(subscribers)
        stop_process(reason)

    def _look_for_ended(self, subscribers: Iterable[DefaultSubscriber]) -> str:
        ended = {
            ", ".join(subscriber.topic_names)
            for subscriber in subscribers
            if subscriber.calls and all(task.done() for task in subscriber.tasks)
        }
        # Twice: FastStream starts a task again that an error ended, a moment later.
        lasting = ended & self._ended
        self._ended = ended
        return f"the consumer of {' and of '.join(sorted(lasting))} has ended" if lasting else ""

    async def _look_for_stalled(self, subscribers: Iterable[DefaultSubscriber]) -> str:
        ends, now = self._lag.ends(), time.monotonic()
        waiting: dict[TopicPartition, int | None] = {}
        for subscriber in subscribers:
            in_flight: Any = subscriber.lock
            if subscriber.consumer is not None and in_flight.empty:
                for partition in subscriber.consumer.assignment():
                    position = await _position(subscriber.consumer, partition)
                    if (position or 0) < ends.get(partition, 0):
                        waiting[partition] = position
        before, self._stalled = self._stalled, {}
        for partition, position in waiting.items():
            was = before.get(partition)
            same = was is not None and was[0] == position
            self._stalled[partition] = was if was is not None and same else (position, now)
        return self._tell(before, now)

    def _tell(self, before: Iterable[TopicPartition], now: float) -> str:
        for partition in set(before) - set(self._stalled):
            STALLED.labels(*partition).set(0)
        for partition, (position, since) in self._stalled.items():
            STALLED.labels(*partition).set(now - since)
            if now - since > self._patience_s:
                return (
                    f"the consumer of {partition.topic}/{partition.partition} has not moved from "
                    f"{position} for {self._patience_s:g} s, and nothing is in flight"
                )
        return ""


async def _position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """Return the next offset to be read; None if the consumer does not know it."""
    try:
        async with asyncio.timeout(POSITION_S):
            return int(await consumer.position(partition))
    except (KafkaError, TimeoutError):
        return None
