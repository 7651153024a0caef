"""What is done about drift, or waits, as it was published."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import RemedyRequested
from gyre_gateway.store.columns import UtcTime

# Whatever order they come in; one that is new to us is the furthest.
STATES = ("held", "proposed", "decided", "approved", "refused", "lapsed")
PROPOSED = "proposed"  # what waits for a person


class Remedy(SQLModel, table=True):
    """What drift has decided, in its furthest state."""

    __tablename__: ClassVar[str] = "gateway_remedy"

    tenant: str = Field(primary_key=True)
    remedy_id: UUID = Field(primary_key=True)
    route: str = Field(index=True)
    event: dict[str, Any] = Field(sa_type=JSON)
    time: datetime = Field(sa_type=UtcTime)  # of the decision


async def apply(session: AsyncSession, tenant: str, event: RemedyRequested) -> Remedy | None:
    """Keep a decision; None if it is here already, or a further one is."""
    row = await session.get(Remedy, (tenant, event.remedy_id))
    told = event.model_dump(mode="json")
    if row is not None:
        # Of two that are held, what was decided later says why it waits now.
        if (_rank(event.state), event.decided_at) <= (_rank(row.event["state"]), row.time):
            return None
        row.event, row.time = told, event.decided_at
    else:
        row = Remedy(
            tenant=tenant,
            remedy_id=event.remedy_id,
            route=event.route,
            event=told,
            time=event.decided_at,
        )
    session.add(row)
    return row


async def newest(
    session: AsyncSession,
    tenant: str,
    limit: int,
    route: str | None = None,
    state: str | None = None,
) -> list[Remedy]:
    query = select(Remedy).where(col(Remedy.tenant) == tenant)
    if route is not None:
        query = query.where(col(Remedy.route) == route)
    if state is not None:
        query = query.where(col(Remedy.event)["state"].as_string() == state)
    query = query.order_by(col(Remedy.time).desc(), col(Remedy.remedy_id))
    return list((await session.exec(query.limit(limit))).all())


def _rank(state: str) -> int:
    return STATES.index(state) if state in STATES else len(STATES)
