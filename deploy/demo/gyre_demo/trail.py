"""What the loop publishes, as anybody with a Kafka consumer sees it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer

STEPS = (
    "drift-detected",
    "remedy-requested",
    "retraining-requested",
    "dataset-frozen",
    "training-progressed",
    "training-failed",
    "adapter-trained",
    "adapter-loaded",
    "adapter-evaluated",
    "rollout-changed",
)
OBSERVED = "embedding-observed"


class Stuck(Exception):
    """What had to happen did not; the message says what was waited for."""


@dataclass(frozen=True)
class Seen:
    """An event with its place in the log."""

    topic: str
    partition: int
    offset: int
    value: dict[str, Any]


class Trail:
    """Collects the events of one route from the moment it starts.

    Args:
        servers: Of Kafka.
        route: Whose events count.
        told: Called with each of them but the observations, as it comes.
    """

    def __init__(self, servers: str, route: str, told: Callable[[Seen], None]) -> None:
        self._servers = servers
        self._route = route
        self._told = told
        self._changed = asyncio.Condition()
        self.events: list[Seen] = []
        self.observed: list[Seen] = []

    async def follow(self) -> None:
        """Read until cancelled."""
        # Not by seeking: an answer to the reset that a start begins may come after it, and win.
        consumer = AIOKafkaConsumer(
            *STEPS, OBSERVED, bootstrap_servers=self._servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        value = json.loads(record.value)
                        if value["route"] == self._route:
                            await self._add(
                                Seen(record.topic, record.partition, record.offset, value)
                            )
        finally:
            await consumer.stop()

    async def _add(self, seen: Seen) -> None:
        async with self._changed:
            if seen.topic == OBSERVED:
                self.observed.append(seen)
            else:
                self.events.append(seen)
                self._told(seen)
            self._changed.notify_all()

    def of(self, topic: str, **values: object) -> list[Seen]:
        """Return the events of a topic whose members have these values, oldest first."""
        return [
            seen
            for seen in self.events
            if seen.topic == topic
            and all(seen.value.get(name) == value for name, value in values.items())
        ]

    async def until(self, found: Callable[[], bool], wanted: str, timeout_s: float) -> None:
        """Return when `found` is true.

        Raises:
            Stuck: It is not, after `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(found)
        except TimeoutError as error:
            raise Stuck(f"not within {timeout_s:g} s: {wanted}") from error

    def topics(self) -> list[str]:
        """Return the topics in the order of their first event after the alarm, each change once.

        Repetitions of the same topic in a row count as one.
        """
        names: list[str] = []
        for seen in self.events:
            if not names and seen.topic != "drift-detected":
                continue
            if not names or names[-1] != seen.topic:
                names.append(seen.topic)
        return names
