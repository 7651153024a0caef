"""Whether who does the work keeps up: what is accepted for later must not wait without end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from gyre_events import ChunkPrepared, DocumentSubmitted, FeedbackGiven
from gyre_gateway.settings import Settings
from gyre_service.errors import Overloaded
from gyre_service.kafka.lag import Lag
from gyre_service.stopping import stop_process

# Who works on what the gateway accepts with 202, and the records that wait for it.
WAITS = {
    "ingestion": DocumentSubmitted.topic,
    "retrieval": ChunkPrepared.topic,
    "feedback": FeedbackGiven.topic,
}


class Group(Protocol):
    """A consumer group, as `Lag` sees it."""

    def behind(self) -> int: ...


class Backlog:
    """How many records wait for each service, as measured a few seconds ago."""

    def __init__(self, groups: Mapping[str, Group], limit: int) -> None:
        self._groups = groups
        self._limit = limit

    def check(self, *services: str) -> None:
        """Turn away who brings more work for services that are too far behind.

        Raises:
            Overloaded: Over the limit wait already. While Kafka does not answer nobody knows,
                and what has to go there is refused there.
        """
        for service in services:
            behind = self._groups[service].behind()
            if behind > self._limit:
                raise Overloaded(
                    f"{behind} records wait for {service}, more than {self._limit}: come back "
                    "when it has caught up"
                )


@asynccontextmanager
async def following(settings: Settings) -> AsyncIterator[Backlog]:
    """Measure while inside: nothing waits, as far as is known, before the first measure."""
    lags = {service: Lag(settings, service) for service in WAITS}
    tasks = [asyncio.create_task(_follow(lags[name], topic)) for name, topic in WAITS.items()]
    for task in tasks:
        task.add_done_callback(_ended)
    try:
        yield Backlog(lags, settings.max_lag)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lag in lags.values():
            await lag.stop()


async def _follow(lag: Lag, topic: str) -> None:
    await lag.start([topic])
    await lag.follow()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        stop_process(f"nobody measures the backlog any more: {task.exception()!r}")
