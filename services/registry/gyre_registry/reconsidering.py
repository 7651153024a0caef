"""What is in production may have been worse all along: people say so when they come to it."""

import logging

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_registry import canary, evidence, finding, lineage, rollouts, store
from gyre_registry.tables import Rollout

log = logging.getLogger(__name__)


async def reconsider(session: AsyncSession, row: Rollout) -> None:
    """Take back what the policy has promoted, and is `locked`, if its canary was worse after all.

    What a person has promoted a person takes back: it may have been for other reasons.
    """
    route = await store.get_route(session, row.tenant, row.route)
    here = route and await finding.in_production(session, row.tenant, route)
    if route is None or here is None or here.rollout_id != row.rollout_id:
        return
    [*_, promotion] = await lineage.steps_of(session, row)
    known = await evidence.of_rollout(session, row.tenant, row.rollout_id)
    worse = canary.worse(known.values(), route.policy.release)
    if not worse or promotion["by"] != rollouts.POLICY:
        return
    if await finding.under_way(session, row.tenant, row.route) is not None:
        log.info("%s: another rollout is under way, which decides first", row.route)
        return
    reason = f"{worse}, as was said after its promotion"
    await rollouts.take_back(session, row, reason, rollouts.POLICY)
