"""A service's stores, made again from the log: its own handlers, on what Kafka holds."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from faststream.asgi import AsgiFastStream
from sqlalchemy import literal
from sqlmodel import SQLModel, select

from gyre_service import telemetry
from gyre_service.database import Sessions, open_database, snapshot
from gyre_service.errors import Rejected, ServiceError
from gyre_service.kafka import Broker
from gyre_service.kafka.history import Start, history
from gyre_service.kafka.ordering import Told
from gyre_service.kafka.outbox import relay_some
from gyre_service.kafka.standins import Consumer, Producer
from gyre_service.process import Process, process_of
from gyre_service.settings import ServiceSettings, read

S = TypeVar("S", bound=ServiceSettings)


def start_of(text: str) -> Start:
    """Return where a replay begins: an offset, or a time (RFC 3339).

    >>> start_of("12"), start_of("2026-01-31T12:00:00Z")
    (12, datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc))

    Raises:
        ValueError: It is neither.
    """
    if text.isdecimal():
        return int(text)
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def run(
    settings_type: type[S], make_app: Callable[[S], AsgiFastStream], into: Path, start: Start
) -> None:
    """Make the stores of a service in the home `into`; end with one line if that cannot be."""
    live = read(settings_type)
    settings = read(
        settings_type,
        home=into,
        blob_url=live.blob_url,  # what events point to, which is no store of ours
        adapter_url=live.adapter_url,
        log_level="WARNING",
        otlp_endpoint="",  # all of it has been traced once
        max_parked_in_a_row=1_000_000,  # what was parked then is parked again
    )
    telemetry.configure(settings)
    try:
        done = asyncio.run(_replayed(settings, make_app(settings), start))
    except ServiceError as error:
        sys.exit(f"{settings.service}: {error}")
    sys.stdout.write(f"{done}\n")


async def _replayed(settings: ServiceSettings, app: AsgiFastStream, start: Start) -> str:
    process = process_of(app)
    process.replaying = True
    if process.not_in_log:
        raise Rejected(f"the log does not say {process.not_in_log}: copy its database instead")
    if not process.broker.subscribers:
        raise Rejected("it has no handlers, so there is nothing that a replay could make")
    await _check_empty(settings.database_url.get_secret_value())
    file = settings.home / "replayed" / f"{settings.service}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished(settings)
    with part.open("w") as published:
        producer = Producer(published)
        async with app.lifespan_context(), _standing_in(process.broker, producer) as consumers:
            records = await _handle_all(process, consumers, start)
            # As it would be published: the service must not do so when it starts on this store.
            while await relay_some(process.broker, process.sessions):
                pass
    part.rename(file)
    return (
        f"{settings.service}: {records} records handled, from {start}. "
        f"What came of them, {producer.published} records, is not published, but in {file}"
    )


def unfinished(settings: ServiceSettings) -> Path:
    """Return the file that is in a home whose store a replay has begun and not ended."""
    return settings.home / "replayed" / f"{settings.service}.part"


async def _check_empty(url: str) -> None:
    async with open_database(url) as sessions:
        if (table := await _filled(sessions)) is not None:
            raise Rejected(
                f"a replay makes everything again: its database is not empty ({table} has rows). "
                "Name another home with --into, or another GYRE_DATABASE_URL if that is set"
            )


async def _filled(sessions: Sessions) -> str | None:
    async with snapshot(sessions) as session:
        for table in SQLModel.metadata.sorted_tables:
            if (await session.exec(select(literal(1)).select_from(table).limit(1))).first():
                return table.name
    return None


@asynccontextmanager
async def _standing_in(broker: Broker, producer: Producer) -> AsyncIterator[dict[str, Consumer]]:
    """Start the handlers on consumers that are yielded by topic; publish with `producer`."""
    config: Any = broker.config.broker_config
    made: list[Consumer] = []

    def consumer(**_: Any) -> Consumer:
        made.append(Consumer())
        return made[-1]

    config.builder = consumer
    await config.producer.connect(producer, serializer=config.fd_config._serializer)
    broker.dead_letters.producer = producer
    broker._setup_logger()
    logging.getLogger("faststream").setLevel(logging.ERROR)  # it warns of what Kafka would need
    by_topic: dict[str, Consumer] = {}
    subscribers = cast("list[Any]", broker.subscribers)
    for subscriber in subscribers:
        await subscriber.start()
        made[-1].tasks = subscriber.tasks
        by_topic |= dict.fromkeys(subscriber.topic_names, made[-1])
    try:
        yield by_topic
    finally:
        for subscriber in subscribers:
            await subscriber.stop()


async def _handle_all(process: Process, consumers: dict[str, Consumer], start: Start) -> int:
    tables = {table.event.topic: table for table in process.tables}
    told = [each async for each in _told(process)]
    records = 0
    read = history(process.settings, consumers, whole=tables, start=start, told=told)
    async for record in read:
        if record.topic in tables:
            tables[record.topic].apply(record)
        if record.topic in consumers:
            await consumers[record.topic].handle(record)
            records += 1
    return records


async def _told(process: Process) -> AsyncIterator[Told]:
    """Yield where the service stood whenever it published something."""
    publishers = cast("list[Any]", process.broker.publishers)
    ours = f"/gyre/{process.settings.service}".encode()
    topics = {each.topic for each in publishers}
    async for record in history(process.settings, (), whole=topics):
        if dict(record.headers).get("ce_source") == ours and (told := Told.of(record)) is not None:
            yield told
