"""An adapter of before, or the base alone, is wanted again: of what drift asks, this is ours."""

import logging

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import RemedyRequested
from gyre_registry import finding, rollouts, store
from gyre_registry.desired import production
from gyre_registry.tables import Adapter
from gyre_service.ids import derived_id

log = logging.getLogger(__name__)

REMEDY = "re-activate"


async def reactivate(session: AsyncSession, tenant: str, event: RemedyRequested) -> None:
    """Let what answered before answer again.

    What was in production just before, and the base, are taken back to at once, as a person would;
    an older adapter is measured and shown step by step, as a new one is.
    """
    route = await store.get_route(session, tenant, event.route)
    if route is None or production(route).adapter_digest == event.adapter_digest:
        return
    here = await finding.in_production(session, tenant, route)
    if here is not None and event.adapter_digest in (None, (here.before or {})["adapter_digest"]):
        if await finding.under_way(session, tenant, event.route) is not None:
            log.info("%s: another rollout is under way, which decides first", event.route)
            return
        to_base = event.adapter_digest is None
        await rollouts.take_back(session, here, event.reason, event.by, to_base=to_base)
        return
    adapter = await session.get(Adapter, (tenant, event.route, event.adapter_digest))
    if adapter is None:  # of another registry, or of another route's
        log.warning("%s: no adapter %s is registered", event.route, event.adapter_digest)
        return
    id = derived_id(tenant, "rollout", event.remedy_id)
    await rollouts.enter(session, tenant, adapter, id, event.by, event.reason)
