"""Publishes what no event caused: an RPC, a timer, a runner or a person did."""

import asyncio
import logging
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, DateTime
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import Field, SQLModel, col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import Event
from gyre_service.database import clock, transaction
from gyre_service.errors import Rejected
from gyre_service.ids import new_id, now
from gyre_service.kafka.broker import Broker
from gyre_service.kafka.cloudevents import envelope, record_key
from gyre_service.telemetry import carried, carrying

MAX_BYTES = 960 * 1024  # more belongs in a blob; what Kafka refuses would block the others
CLAIM_S = 15  # longer than a publish may take
IDLE_S = 0.2

log = logging.getLogger(__name__)


class Outbox(SQLModel, table=True):
    """An event that Kafka has not acknowledged yet."""

    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_autoincrement": True}

    position: int | None = Field(default=None, primary_key=True)
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
    row.headers = envelope(event, tenant, service, row.time, row.id)
    session.add(row)
    return row.id


async def relay(broker: Broker, sessions: async_sessionmaker[AsyncSession]) -> None:
    """Publish what waits, in order, until cancelled. Every replica may run one.

    A relay that dies after its publish, or sleeps past its claim, makes another one
    publish the same id again.
    """
    while True:
        try:
            if await relay_one(broker, sessions):
                continue
        except Exception:  # Kafka or the database is away: the row waits, and so do the next
            log.exception("outbox: not published")
        await asyncio.sleep(IDLE_S)


async def relay_one(broker: Broker, sessions: async_sessionmaker[AsyncSession]) -> bool:
    """Publish the oldest row; return False if there is none, or another relay has it."""
    async with transaction(sessions) as session:
        row = await _claim_oldest(session)
    if row is None:
        return False
    with carrying(row.trace):
        await broker.publish(
            row.body,
            topic=row.topic,
            key=row.key,
            headers=row.headers | {"content-type": "application/json"},
            correlation_id=row.headers["ce_correlationid"],
        )
    async with transaction(sessions) as session:
        await session.exec(delete(Outbox).where(col(Outbox.position) == row.position))
    return True


async def _claim_oldest(session: AsyncSession) -> Outbox | None:
    """Nobody may overtake the oldest row, so a claim on it is a claim on all."""
    time = clock(session)
    oldest = select(func.min(Outbox.position)).scalar_subquery()
    claim = (
        update(Outbox)
        .where(col(Outbox.position) == oldest, col(Outbox.claimed_until) < time)
        .values(claimed_until=time + CLAIM_S)
        .returning(Outbox)
    )
    return (await session.exec(claim)).scalar_one_or_none()
