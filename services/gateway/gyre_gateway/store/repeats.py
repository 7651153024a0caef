"""Idempotency keys of what the gateway itself accepts: documents, feedback, adapters."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import tuple_
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_gateway.errors import KeyReused
from gyre_gateway.store.columns import UtcTime
from gyre_service.database import PASSING

KEPT = timedelta(hours=24)
AT_ONCE = 5_000  # that are forgotten in one transaction: SQLite lets nobody write meanwhile


class Repeat(SQLModel, table=True):
    """What a key was first sent with."""

    __tablename__: ClassVar[str] = "gateway_repeat"
    __table_args__: ClassVar[dict[str, Any]] = {"info": {PASSING: True}}

    tenant: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    time: datetime = Field(sa_type=UtcTime)


async def claim(
    session: AsyncSession,
    tenant: str,
    subject: str,
    key: str,
    fingerprint: str,
    time: datetime,
    earlier: str | None = None,
) -> str:
    """Remember `key`, or see that it comes again with the same body.

    Args:
        session: Where it is remembered.
        tenant: Whose key it is.
        subject: documents, feedback, adapters or removals.
        key: As the client has it.
        fingerprint: Of the body.
        time: When it comes.
        earlier: The fingerprint that an earlier release took of this body.

    Returns:
        The fingerprint that the key was first sent with.

    Raises:
        KeyReused: In the last 24 hours it came with another one.
    """
    row = await session.get(Repeat, (tenant, subject, key), with_for_update=True)
    if row is None or row.time < time - KEPT:
        row = row or Repeat(
            tenant=tenant, subject=subject, key=key, fingerprint=fingerprint, time=time
        )
        row.fingerprint, row.time = fingerprint, time
        session.add(row)
    elif row.fingerprint not in (fingerprint, earlier):
        raise KeyReused("this Idempotency-Key came with another body: take a new one")
    return row.fingerprint


async def forget(session: AsyncSession, time: datetime) -> bool:
    """Forget keys that at `time` are older than `KEPT`; return whether there may be more."""
    old = col(Repeat.time) < time - KEPT
    key = (col(Repeat.tenant), col(Repeat.subject), col(Repeat.key))
    some = select(*key).where(old).limit(AT_ONCE)
    # `old` again: a key that is sent anew meanwhile is not.
    gone = await session.exec(delete(Repeat).where(tuple_(*key).in_(some), old))
    return gone.rowcount == AT_ONCE
