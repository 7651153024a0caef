"""What no event caused, on a real broker."""

import asyncio
from pathlib import Path
from typing import ClassVar

from gyre_events import Event
from gyre_service.database import open_database, transaction
from gyre_service.kafka import Broker
from gyre_service.kafka.outbox import enqueue, relay

from .conftest import Kafka


class Noted(Event):
    topic: ClassVar[str]
    key_field: ClassVar[str] = "author"

    author: str
    number: int


async def test_two_relays_publish_every_row_once_and_in_order(kafka: Kafka, tmp_path: Path) -> None:
    Noted.topic = kafka.topic
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'outbox.db'}")
    one, two = Broker(kafka.settings), Broker(kafka.settings)
    async with database as sessions, one, two:
        await asyncio.gather(one.start(), two.start())
        relays = [asyncio.create_task(relay(broker, sessions)) for broker in (one, two)]
        ids = []
        for number in range(30):
            async with transaction(sessions) as session:
                ids.append(str(enqueue(session, Noted(author="ada", number=number), "acme", "x")))
        async with asyncio.timeout(40):
            while len(await kafka.read("")) < len(ids):  # noqa: ASYNC110 (Kafka tells nobody)
                await asyncio.sleep(0.2)
        for task in relays:
            task.cancel()

    records = await kafka.read("")
    assert [dict(r.headers)["ce_id"].decode() for r in records] == ids
    assert {r.key for r in records} == {b"acme/ada"}
