"""Alarms of drift, as they were published."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import DriftDetected
from gyre_gateway.store.columns import UtcTime


class Alarm(SQLModel, table=True):
    """A detector's statistic that passed its threshold, with the evidence."""

    __tablename__: ClassVar[str] = "gateway_alarm"

    tenant: str = Field(primary_key=True)
    drift_id: UUID = Field(primary_key=True)
    route: str = Field(index=True)
    event: dict[str, Any] = Field(sa_type=JSON)
    time: datetime = Field(sa_type=UtcTime)  # of the decision


async def add(session: AsyncSession, tenant: str, event: DriftDetected) -> Alarm | None:
    """Keep an alarm; None if it is here already."""
    if await session.get(Alarm, (tenant, event.drift_id)) is not None:
        return None
    row = Alarm(
        tenant=tenant,
        drift_id=event.drift_id,
        route=event.route,
        event=event.model_dump(mode="json"),
        time=event.decided_at,
    )
    session.add(row)
    return row


async def newest(
    session: AsyncSession, tenant: str, limit: int, route: str | None = None
) -> list[Alarm]:
    query = select(Alarm).where(col(Alarm.tenant) == tenant)
    if route is not None:
        query = query.where(col(Alarm.route) == route)
    query = query.order_by(col(Alarm.time).desc(), col(Alarm.drift_id))
    return list((await session.exec(query.limit(limit))).all())
