"""A person agrees to what drift proposes, or does not."""

from uuid import UUID

from gyre_events import RemedyReviewed
from gyre_gateway.gateway import BY, Gateway
from gyre_gateway.store.remedies import PROPOSED, Remedy
from gyre_service.database import snapshot
from gyre_service.errors import NotFound, Rejected
from gyre_service.ids import derived_id, now


async def review(
    gateway: Gateway, tenant: str, remedy_id: UUID, *, approved: bool, reason: str
) -> RemedyReviewed:
    """Tell drift, once: of two reviews of a remedy the first counts.

    Raises:
        NotFound: There is no such remedy.
        Rejected: It is not proposed: it has lapsed, was answered, or needs nobody's consent.
    """
    async with snapshot(gateway.sessions) as session:
        row = await session.get(Remedy, (tenant, remedy_id))
    if row is None:
        raise NotFound(f"no remedy {remedy_id}: see GET /v1/remedies")
    if (state := row.event["state"]) != PROPOSED:
        raise Rejected(f"remedy {remedy_id} is {state}: only a proposed one waits for a person")
    event = RemedyReviewed(
        remedy_id=remedy_id, route=row.route, approved=approved, by=BY, reason=reason
    )
    id = derived_id(tenant, "gateway", "review", remedy_id)
    await gateway.announce(event, tenant, id, now())
    return event
