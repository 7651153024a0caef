"""The tables of this service and every query it runs. Nothing here commits."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, DateTime
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import RolloutChanged


class Route(SQLModel, table=True):
    """What a route should be now: the truth, of which `rollout-changed` is the publication."""

    __tablename__: ClassVar[str] = "registry_route"

    tenant: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    revision: int
    rollout_id: UUID
    rollout: dict[str, Any] = Field(sa_type=JSON)  # the event


class RouteRevision(SQLModel, table=True):
    """What a route was, and why it became so. Rows are added, never changed."""

    __tablename__: ClassVar[str] = "registry_route_revision"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    rollout: dict[str, Any] = Field(sa_type=JSON)
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))
    reason: str


async def get_route(session: AsyncSession, tenant: str, name: str) -> RolloutChanged | None:
    """Return a route and keep others from changing it until the transaction ends."""
    query = select(Route).where(col(Route.tenant) == tenant, col(Route.name) == name)
    row = (await session.exec(query.with_for_update())).one_or_none()
    return None if row is None else RolloutChanged.model_validate(row.rollout)


async def read_route(session: AsyncSession, tenant: str, name: str) -> RolloutChanged | None:
    """Return a route as it is; others may change it meanwhile."""
    row = await session.get(Route, (tenant, name))
    return None if row is None else RolloutChanged.model_validate(row.rollout)


async def routes_of(session: AsyncSession, tenant: str) -> list[RolloutChanged]:
    """Return the tenant's routes by name."""
    query = select(Route).where(col(Route.tenant) == tenant).order_by(col(Route.name))
    return [RolloutChanged.model_validate(row.rollout) for row in await session.exec(query)]


async def every_route(session: AsyncSession) -> list[tuple[str, RolloutChanged]]:
    """Return the routes of all tenants, each with its tenant; nobody else changes them now."""
    query = select(Route).order_by(col(Route.tenant), col(Route.name)).with_for_update()
    rows = (await session.exec(query)).all()
    return [(row.tenant, RolloutChanged.model_validate(row.rollout)) for row in rows]


async def save(session: AsyncSession, tenant: str, rollout: RolloutChanged, reason: str) -> None:
    """Make `rollout` the truth, and keep it in the history.

    A revision that another process has just decided makes the transaction a `Conflict`.
    """
    event = rollout.model_dump(mode="json")
    row = await session.get(Route, (tenant, rollout.route))
    row = row or Route(
        tenant=tenant, name=rollout.route, revision=0, rollout_id=rollout.rollout_id, rollout={}
    )
    row.revision, row.rollout_id, row.rollout = rollout.revision, rollout.rollout_id, event
    session.add(row)
    session.add(
        RouteRevision(
            tenant=tenant,
            route=rollout.route,
            revision=rollout.revision,
            rollout=event,
            decided_at=rollout.decided_at,
            reason=reason,
        )
    )
    await session.flush()


async def get_revision(
    session: AsyncSession, tenant: str, route: str, revision: int
) -> RolloutChanged | None:
    """Return what a route was in a revision that this registry has decided or taken over."""
    row = await session.get(RouteRevision, (tenant, route, revision))
    return None if row is None else RolloutChanged.model_validate(row.rollout)


async def history(session: AsyncSession, tenant: str, route: str) -> list[RouteRevision]:
    """Return every revision of a route that this registry has decided or taken over."""
    query = (
        select(RouteRevision)
        .where(col(RouteRevision.tenant) == tenant, col(RouteRevision.route) == route)
        .order_by(col(RouteRevision.revision))
    )
    return list((await session.exec(query)).all())
