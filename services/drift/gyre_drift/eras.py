"""Which adapter answered in which world, as far back as it is kept."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, select

from gyre_drift.occasion import Occasion
from gyre_drift.tables import Era
from gyre_drift.tables import Reference as ReferenceRow
from gyre_service.ids import utc

KEPT = 5  # worlds, the newest era of each, and the newest eras of all


async def eras(occasion: Occasion) -> list[Era]:
    """Return a route's eras, the newest last."""
    row = occasion.row
    await occasion.session.flush()
    query = (
        select(Era)
        .where(col(Era.tenant) == row.tenant, col(Era.route) == row.route)
        .order_by(col(Era.number))
    )
    return list((await occasion.session.exec(query)).all())


async def note(occasion: Occasion, since: datetime) -> None:
    """Begin an era if the adapter in production, or the reference, is another one than before.

    Args:
        occasion: Of the event that shows it.
        since: When it began.
    """
    row, (adapter, _) = occasion.row, occasion.production
    assert row.reference_id is not None
    if occasion.rollout is not None:  # handled late: what answered before is not known any more
        since = max(since, occasion.rollout.decided_at)
    before = await eras(occasion)
    last = before[-1] if before else None
    if last and (last.adapter, last.reference_id) == (adapter, row.reference_id):
        return
    occasion.session.add(
        Era(
            tenant=row.tenant,
            route=row.route,
            number=last.number + 1 if last else 0,
            adapter=adapter,
            reference_id=row.reference_id,
            since=since,
        )
    )
    await _prune(occasion)


async def _prune(occasion: Occasion) -> None:
    row, session = occasion.row, occasion.session
    found = await eras(occasion)
    last = {era.reference_id: era.number for era in found}  # the newest of each
    newest = sorted(last.values())[-KEPT:]
    for era in found[:-KEPT]:
        if era.number not in newest:
            await session.delete(era)
    kept = [world for world, number in last.items() if number in newest]
    await session.exec(
        delete(ReferenceRow).where(
            col(ReferenceRow.tenant) == row.tenant,
            col(ReferenceRow.route) == row.route,
            col(ReferenceRow.reference_id).not_in(kept),
        )
    )


async def worlds(occasion: Occasion) -> dict[UUID, Era]:
    """Return the newest era of each older world that the encoder of today knows."""
    row = occasion.row
    query = select(ReferenceRow.reference_id).where(
        col(ReferenceRow.tenant) == row.tenant,
        col(ReferenceRow.route) == row.route,
        col(ReferenceRow.encoder) == row.encoder,
    )
    known = set((await occasion.session.exec(query)).all())
    return {
        era.reference_id: era
        for era in await eras(occasion)
        if era.reference_id in known and era.reference_id != row.reference_id
    }


async def before_this(occasion: Occasion, began: datetime) -> Era | None:
    """Return the era before today's adapter, if a change began with it or later."""
    found = await eras(occasion)
    if not found or utc(found[-1].since) > began:
        return None
    older = (era for era in reversed(found) if era.adapter != found[-1].adapter)
    return next(older, None)
