"""What happens because time passes: canaries end, what is old is forgotten."""

import asyncio
import logging
from datetime import timedelta

from sqlmodel import col, select

from gyre_registry import finding, rollouts
from gyre_registry.lineage import forget_answers
from gyre_registry.tables import UNDER_WAY, Rollout
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Conflict, Unavailable
from gyre_service.ids import now

log = logging.getLogger(__name__)
LOOK_S = 1.0
FORGET_EVERY = 600  # looks


async def watch(sessions: Sessions, answer_retention_days: int) -> None:
    """Look at every rollout under way again and again, until cancelled."""
    number = 0
    while True:
        try:
            await look(sessions)
            if number % FORGET_EVERY == 0:
                async with transaction(sessions) as session:
                    before = now() - timedelta(days=answer_retention_days)
                    await forget_answers(session, before)
        except (Unavailable, Conflict) as error:
            log.warning("rollouts were not looked at: %s", error)
        number += 1
        await asyncio.sleep(LOOK_S)


async def look(sessions: Sessions) -> None:
    """Let every rollout under way do what its time has come for.

    Raises:
        Unavailable: The database is away.
        Conflict: Another replica was faster.
    """
    async with snapshot(sessions) as session:
        query = select(Rollout.tenant, Rollout.rollout_id)
        found = (await session.exec(query.where(col(Rollout.stage).in_(UNDER_WAY)))).all()
    for tenant, rollout_id in found:
        try:
            async with transaction(sessions) as session:
                row = await finding.locked(session, tenant, rollout_id)
                if row is not None and row.stage in UNDER_WAY:  # nobody has ended it meanwhile
                    await rollouts.advance(session, row, now())
        except (Unavailable, Conflict):
            raise
        except Exception:  # a bug that one rollout meets: the others are looked at all the same
            log.exception("%s: rollout %s was not looked at", tenant, rollout_id)
