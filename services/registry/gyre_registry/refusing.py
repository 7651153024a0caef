"""A replica refuses an adapter: nobody is left with an arm that cannot answer."""

import logging
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AdapterLoaded
from gyre_registry import finding, loading, rollouts, store
from gyre_registry.desired import production
from gyre_registry.tables import CANDIDATE, REJECTED, ROLLED_BACK, UNDER_WAY

log = logging.getLogger(__name__)


async def refuse(session: AsyncSession, tenant: str, event: AdapterLoaded, at: datetime) -> None:
    """End the rollout of an adapter that is refused, or take it back where it is in production.

    There it stays if another replica has loaded it: then the one that refuses has the fault. `at`
    is when the refusal came into the log.
    """
    reason = loading.refusal_of(event)
    row = await finding.locked(session, tenant, event.rollout_id)
    if row is not None and row.stage in UNDER_WAY and row.adapter_digest == event.adapter_digest:
        stage = REJECTED if row.stage == CANDIDATE else ROLLED_BACK
        await rollouts.end(session, row, stage, reason, rollouts.POLICY)
        return
    route = await store.get_route(session, tenant, event.route)
    if route is None or route.rollout_id != event.rollout_id:
        return  # of what is not wanted any more; what is wanted now is told of under its own id
    if production(route).adapter_digest != event.adapter_digest:
        return
    if others := await loading.others_with(session, tenant, route, event, at):
        who = f"{', '.join(others)} has loaded it"
        log.warning("%s/%s: %s; it stays in production: %s", tenant, route.route, reason, who)
        return
    await rollouts.give_up(session, tenant, route, reason)
