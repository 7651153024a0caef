"""A compacted topic as a table, on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from gyre_events import Event
from gyre_service.kafka.table import Table

from .conftest import Kafka


class Shared(Event):
    topic: ClassVar[str]
    key_field: ClassVar[str] = "route"

    route: str
    share: float
    revision: int = 0


@asynccontextmanager
async def reading(kafka: Kafka) -> AsyncIterator[Table[Shared]]:
    Shared.topic = f"{kafka.topic}-table"
    table = Table(kafka.settings, Shared)
    try:
        await table.start()
        yield table
    finally:
        await table.stop()


async def put(kafka: Kafka, key: str, share: float | None) -> None:
    route = key.partition("/")[2]
    value = None if share is None else Shared(route=route, share=share).model_dump_json().encode()
    await kafka.send(value, key.encode(), "-table")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (a table tells nobody)
            await asyncio.sleep(0.05)


async def test_every_replica_has_the_last_event_of_every_key_when_it_is_ready(kafka: Kafka) -> None:
    for route in range(9):  # more than one partition has some
        await put(kafka, f"acme/{route}", 0.0)
        await put(kafka, f"acme/{route}", route / 10)
    await put(kafka, "umbrella/1", 0.9)
    await put(kafka, "acme/2", None)
    await kafka.send(b"{not json", b"acme/3", "-table")

    async with reading(kafka) as one, reading(kafka) as two:
        for table in (one, two):
            rows = [table.get("acme", str(route)) for route in range(9)]
            shares = [row and row.share for row in rows]
            assert shares == [0.0, 0.1, None, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
            assert table.get("umbrella", "1") == Shared(route="1", share=0.9)


async def test_a_table_follows_its_topic(kafka: Kafka) -> None:
    async with reading(kafka) as table:
        assert table.get("acme", "a") is None

        await put(kafka, "acme/a", 0.5)
        await until(lambda: table.get("acme", "a") == Shared(route="a", share=0.5))

        await put(kafka, "acme/a", None)
        await until(lambda: table.get("acme", "a") is None)


async def test_a_lower_revision_that_comes_late_changes_nothing(kafka: Kafka) -> None:
    for revision, share in [(1, 0.1), (3, 0.3), (2, 0.2)]:
        row = Shared(route="a", share=share, revision=revision)
        await kafka.send(row.model_dump_json().encode(), b"acme/a", "-table")

    async with reading(kafka) as table:
        found = table.find("a")
        assert found is not None
        tenant, row = found
        assert (tenant, row.share) == ("acme", 0.3)
