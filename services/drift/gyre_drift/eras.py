"""Which adapter answered in which world, as far back as it is kept."""

from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from sqlmodel import col, delete, select

from gyre_drift import store
from gyre_drift.occasion import Occasion
from gyre_drift.tables import Era
from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.watching.causes import REACTIVATE
from gyre_drift.watching.deciding import Raised
from gyre_service.ids import utc

KEPT = 5  # worlds, the newest era of each, and the newest eras of all
WITH = timedelta(hours=1)  # after an adapter came, what begins may be put down to it


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


async def before_this(occasion: Occasion, first: Raised) -> Era | None:
    """Return the newest era before today's adapter, if a change began with it.

    That is: no longer after it than the alarm took to come, or `WITH` if that is more. Eras whose
    adapter had to give way to a re-activation are passed over.
    """
    found, row = await eras(occasion), occasion.row
    if not found:
        return None
    adapter, since = found[-1].adapter, found[-1].since
    if row.reference_id is None and row.warms_since:  # its era begins with its reference
        adapter, since = occasion.production[0], row.warms_since
    if utc(since) > first.began:
        return None
    took = first.raised_at - first.onset if first.raised_at else WITH
    if first.onset - utc(since) > max(WITH, took):
        return None
    gone = {adapter, *await _left(occasion, found)}
    return next((era for era in reversed(found) if era.adapter not in gone), None)


async def _left(occasion: Occasion, found: list[Era]) -> set[str | None]:
    """Return the adapters in whose place an older one was asked for, and came."""
    row = occasion.row
    said = await store.remedies(occasion.session, row.tenant, row.route, REACTIVATE)
    asked = [event for event in said if event.asks_for(REACTIVATE)]
    return {
        era.adapter
        for era, after in pairwise(found)
        for event in asked
        if event.adapter_digest == after.adapter
        and utc(era.since) <= event.decided_at <= utc(after.since)
    }
