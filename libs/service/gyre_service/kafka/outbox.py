"""Publishes what no event caused: an RPC, a timer, a runner or a person did."""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy import JSON, BigInteger, DateTime, Integer
from sqlmodel import Field, SQLModel, col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import Event
from gyre_service.database import (
    PASSING,
    Sessions,
    clock,
    enqueued_of,
    has_enqueued,
    insert_alone,
    snapshot,
    transaction,
)
from gyre_service.errors import Rejected, Unavailable
from gyre_service.ids import new_id, now
from gyre_service.kafka.broker import Broker
from gyre_service.kafka.cloudevents import HANDLED, chain, envelope, record_key
from gyre_service.telemetry import carried, carrying

MAX_BYTES = 960 * 1024  # more belongs in a blob; what Kafka refuses would block the others
CLAIM_S = 15  # longer than rows are published, and the last publish may take
PUBLISH_S = 4.0  # then no other row is begun
BATCH = 100
LINGER_S = 0.005  # who enqueued answers somebody first; and of many a second more go together
LOOK_S = 1.0  # for what another process left; what this one enqueues is seen at once
MEASURE_S = 5.0
# Every replica reports what all of them share: over replicas take the maximum, never the sum.
WAITING = Gauge("gyre_outbox_events", "Events that wait for Kafka")
OLDEST = Gauge("gyre_outbox_oldest_seconds", "How long the oldest of them has waited")

log = logging.getLogger(__name__)


class Outbox(SQLModel, table=True):
    """An event that Kafka has not acknowledged yet."""

    __table_args__: ClassVar[dict[str, Any]] = {
        "sqlite_autoincrement": True,
        "info": {PASSING: True},
    }

    # SQLite counts by itself in what is called INTEGER only, which has 64 bits there.
    position: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger().with_variant(Integer, "sqlite")
    )
    id: UUID  # the event's, in every attempt
    topic: str
    key: bytes
    body: bytes
    headers: dict[str, str] = Field(sa_type=JSON)
    trace: dict[str, str] = Field(sa_type=JSON)  # of whoever enqueued it
    time: datetime = Field(sa_type=DateTime(timezone=True))
    claimed_until: float = 0  # seconds, by the database's clock


def enqueue(
    session: AsyncSession, event: Event, tenant: str, service: str, id: UUID | None = None
) -> UUID:
    """Publish `event` if the transaction of `session` commits. Return its id.

    Of two transactions at the same time either may come first: lock the row of
    the thing itself if its events need an order.

    Args:
        session: Of the transaction that makes the event true.
        event: What happened.
        tenant: To whom it belongs.
        service: Who says so.
        id: The event's, where the caller can derive one; else a new one.

    Raises:
        Rejected: The event is too large for Kafka.
    """
    row = _row(event, tenant, service, id)
    session.add(row)
    has_enqueued(session)
    return row.id


async def enqueue_alone(
    sessions: Sessions, event: Event, tenant: str, service: str, id: UUID
) -> None:
    """Publish `event`, where there is nothing that has to become true with it.

    Raises:
        Rejected: As of `enqueue`.
        Unavailable: The database is away, locked or full; then nothing is published.
    """
    row = _row(event, tenant, service, id).model_dump(exclude={"position"})
    await insert_alone(sessions, Outbox, row)
    enqueued_of(sessions).set()


def _row(event: Event, tenant: str, service: str, id: UUID | None) -> Outbox:
    body = event.model_dump_json().encode()
    if len(body) > MAX_BYTES:
        raise Rejected(f"{event.topic} has {len(body)} bytes, at most {MAX_BYTES}")
    row = Outbox(
        id=id or new_id(),
        topic=event.topic,
        key=record_key(tenant, event.key),
        body=body,
        headers={},
        trace=carried(),
        time=now(),
    )
    # A handler may enqueue, too: then it is what it handles that caused the event.
    row.headers = envelope(event, tenant, service, row.time, row.id) | chain(HANDLED.get())
    return row


async def relay(broker: Broker, sessions: Sessions) -> None:
    """Publish what waits until cancelled. Every replica may run one.

    Of one key the order is that of the rows. A relay that dies after its publish, or sleeps past
    its claim, makes another one publish the same ids again.
    """
    enqueued = enqueued_of(sessions)
    while True:
        enqueued.clear()
        try:
            more = await relay_some(broker, sessions)
        except Exception:  # Kafka or the database is away: the rows wait, and so do the next
            log.exception("outbox: not published")
            await asyncio.sleep(LOOK_S)
            continue
        if not more:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await enqueued.wait()
                    await asyncio.sleep(LINGER_S)


async def measure(sessions: Sessions) -> None:
    """Tell how much waits and how long, again and again, until cancelled."""
    oldest = select(Outbox.time).order_by(col(Outbox.position)).limit(1)
    while True:
        with suppress(Unavailable):  # what looks at the database says so
            async with snapshot(sessions) as session:
                WAITING.set((await session.exec(select(func.count()).select_from(Outbox))).one())
                time = (await session.exec(oldest)).first()
            # SQLite gives back without a zone what PostgreSQL has with one.
            waited = now() - time.replace(tzinfo=time.tzinfo or UTC) if time else timedelta()
            OLDEST.set(waited.total_seconds())
        await asyncio.sleep(MEASURE_S)


async def relay_some(broker: Broker, sessions: Sessions) -> bool:
    """Publish the oldest rows, those of one key one after the other; return whether more may wait.

    That is not so if there is no row, or another relay has the oldest.

    Raises:
        Exception: What the first publish that failed raised; those that did not are done.
    """
    end = time.monotonic() + PUBLISH_S
    async with transaction(sessions) as session:
        waiting = await _claim(session)
    done: list[int | None] = []
    each = (_publish_all(broker, rows, end, done) for rows in _by_key(waiting))
    failed = await asyncio.gather(*each, return_exceptions=True)
    if done:
        async with transaction(sessions) as session:
            await session.exec(delete(Outbox).where(col(Outbox.position).in_(done)))
    for error in failed:
        if error is not None:
            raise error
    return len(done) < len(waiting) or len(waiting) == BATCH


async def _publish_all(
    broker: Broker, rows: list[Outbox], end: float, done: list[int | None]
) -> None:
    """Publish rows of one key until one fails, or the claim would not last for the next."""
    for row in rows:
        if done and time.monotonic() > end:
            return
        await _publish(broker, row)
        done.append(row.position)


async def _publish(broker: Broker, row: Outbox) -> None:
    with carrying(row.trace):
        await broker.publish(
            row.body,
            topic=row.topic,
            key=row.key,
            headers=row.headers | {"content-type": "application/json"},
            correlation_id=row.headers["ce_correlationid"],
        )


def _by_key(rows: list[Outbox]) -> list[list[Outbox]]:
    """Return the rows of each key: the next one waits until Kafka has the one before."""
    found: dict[tuple[str, bytes], list[Outbox]] = {}
    for row in rows:
        found.setdefault((row.topic, row.key), []).append(row)
    return list(found.values())


async def _claim(session: AsyncSession) -> list[Outbox]:
    """Return the oldest rows. Nobody may overtake the oldest: a claim on it is one on all."""
    now_there = clock(session)
    oldest = select(func.min(Outbox.position)).scalar_subquery()
    claim = (
        update(Outbox)
        .where(col(Outbox.position) == oldest, col(Outbox.claimed_until) < now_there)
        .values(claimed_until=now_there + CLAIM_S)
        .returning(col(Outbox.position))
    )
    position = (await session.exec(claim)).scalar_one_or_none()
    if position is None:
        return []
    waiting = select(Outbox).where(col(Outbox.position) >= position)
    return list((await session.exec(waiting.order_by(col(Outbox.position)).limit(BATCH))).all())
