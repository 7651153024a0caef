"""Every change of a read model, in order: what live clients follow, whichever replica made it."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Integer
from sqlmodel import Field, SQLModel, col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_gateway.store.columns import UtcTime
from gyre_service.database import PASSING
from gyre_service.ids import now

KEPT = 10_000  # of all tenants together


class Change(SQLModel, table=True):
    """One change, as it is shown."""

    __tablename__: ClassVar[str] = "gateway_change"
    __table_args__: ClassVar[dict[str, Any]] = {
        "sqlite_autoincrement": True,
        "info": {PASSING: True},
    }

    # PostgreSQL's SERIAL ends at 2^31, and SQLite counts in no other type than INTEGER.
    position: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger().with_variant(Integer, "sqlite")
    )
    tenant: str = Field(index=True)
    kind: str
    data: dict[str, Any] = Field(sa_type=JSON)
    time: datetime = Field(sa_type=UtcTime)


def note(session: AsyncSession, tenant: str, kind: str, data: dict[str, Any]) -> None:
    """Tell live clients, if the transaction commits.

    Args:
        session: Of the transaction that changes the read model.
        tenant: To whom it belongs.
        kind: document, answer, score, verdict, example, drift, remedy or job.
        data: JSON.
    """
    session.add(Change(tenant=tenant, kind=kind, data=data, time=now()))


async def last_position(session: AsyncSession) -> int:
    return (await session.exec(select(func.max(Change.position)))).one() or 0


async def since(
    session: AsyncSession, position: int, limit: int, tenant: str | None = None
) -> list[Change]:
    """Return the next changes after `position`, in order; of all tenants if None."""
    query = select(Change).where(col(Change.position) > position)
    if tenant is not None:
        query = query.where(col(Change.tenant) == tenant)
    return list((await session.exec(query.order_by(col(Change.position)).limit(limit))).all())


async def forget(session: AsyncSession) -> None:
    """Keep the newest only."""
    oldest = await last_position(session) - KEPT
    await session.exec(delete(Change).where(col(Change.position) <= oldest))
