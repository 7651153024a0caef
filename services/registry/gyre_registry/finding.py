"""Which rollout is meant, and where it stands. Nothing here commits."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gyre_events import RolloutChanged
from gyre_registry import store
from gyre_registry.desired import DEFAULT, production
from gyre_registry.tables import PRODUCTION, RETIRED, UNDER_WAY, WAITING, Rollout
from gyre_service.errors import NotFound, Rejected


async def locked(session: AsyncSession, tenant: str, rollout_id: UUID) -> Rollout | None:
    """Return a rollout as it is, and keep others from deciding on its route until the end.

    Every decision takes the route first: what was read before may be over when the lock is ours.
    """
    row = await session.get(Rollout, (tenant, rollout_id))
    if row is not None:
        await store.get_route(session, tenant, row.route)
        await session.refresh(row)
    return row


async def under_way(session: AsyncSession, tenant: str, route: str) -> Rollout | None:
    """Return the rollout that is being measured or shown on a route."""
    return await _first(session, tenant, route, UNDER_WAY)


async def waiting(session: AsyncSession, tenant: str, route: str) -> Rollout | None:
    """Return the rollout that waits longest on a route."""
    return await _first(session, tenant, route, (WAITING,))


async def in_production(
    session: AsyncSession, tenant: str, route: RolloutChanged
) -> Rollout | None:
    """Return the rollout whose adapter a route has in production; None: it has the base alone.

    Its row and those that it has replaced have the same stage.
    """
    query = (
        select(Rollout)
        .where(
            col(Rollout.tenant) == tenant,
            col(Rollout.route) == route.route,
            col(Rollout.stage) == PRODUCTION,
            col(Rollout.adapter_digest) == production(route).adapter_digest,
        )
        .order_by(col(Rollout.changed_at).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()


async def meant(session: AsyncSession, tenant: str, rollout_id: str, route: str) -> Rollout:
    """Return the rollout that a person means, locked: by its id, or by its route.

    Of a route it is the one under way, else the one in production, else the newest.

    Raises:
        NotFound: There is none.
    """
    if rollout_id:
        try:
            found = await locked(session, tenant, UUID(rollout_id))
        except ValueError as error:
            raise Rejected(f"rollout_id is {rollout_id!r}, expected a UUID") from error
    else:
        route = route or DEFAULT
        wanted = await store.get_route(session, tenant, route)  # before its rollouts are read
        found = await under_way(session, tenant, route)
        if found is None and wanted is not None:
            found = await in_production(session, tenant, wanted)
        found = found or next(iter(await rollouts_of(session, tenant, route, limit=1)), None)
    if found is None:
        raise NotFound(f"there is no rollout {rollout_id or 'on route ' + route}")
    return found


async def rollouts_of(
    session: AsyncSession, tenant: str, route: str, limit: int | None = None
) -> Sequence[Rollout]:
    """Return the rollouts of a route, or of all, the newest first; of many the first `limit`."""
    query = _rollouts(tenant, route).order_by(col(Rollout.began_at).desc()).limit(limit)
    return (await session.exec(query)).all()


async def shown(session: AsyncSession, tenant: str, route: str, limit: int) -> list[Rollout]:
    """Return the newest rollouts of a route, or of all, and all that are not over, newest first."""
    found = [*await rollouts_of(session, tenant, route, limit)]
    if len(found) == limit:
        open_ones = _rollouts(tenant, route).where(col(Rollout.stage).in_((WAITING, *UNDER_WAY)))
        found += (await session.exec(open_ones)).all()
        for each in await store.routes_of(session, tenant):
            here = await in_production(session, tenant, each)
            if here is not None and route in ("", each.route):
                found.append(here)
    distinct = {row.rollout_id: row for row in found}
    return sorted(distinct.values(), key=lambda row: row.began_at, reverse=True)


def _rollouts(tenant: str, route: str) -> SelectOfScalar[Rollout]:
    query = select(Rollout).where(col(Rollout.tenant) == tenant)
    return query.where(col(Rollout.route) == route) if route else query


async def _first(
    session: AsyncSession, tenant: str, route: str, stages: tuple[str, ...]
) -> Rollout | None:
    query = (
        select(Rollout)
        .where(
            col(Rollout.tenant) == tenant,
            col(Rollout.route) == route,
            col(Rollout.stage).in_(stages),
        )
        .order_by(col(Rollout.began_at), col(Rollout.rollout_id))
        .limit(1)
    )
    return (await session.exec(query)).first()


async def standing(session: AsyncSession, row: Rollout) -> tuple[str, int]:
    """Return the stage of a rollout, and its share in 1/10,000, as they are shown.

    What came to production is retired as soon as something else is there.
    """
    if row.stage == PRODUCTION:
        route = await store.read_route(session, row.tenant, row.route)
        here = route and await in_production(session, row.tenant, route)
        if not here or here.rollout_id != row.rollout_id:
            return RETIRED, 0
    return row.stage, row.share
