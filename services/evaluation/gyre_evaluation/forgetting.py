"""Forgets what a redelivered event finds, when it cannot come again."""

import asyncio
import logging

from gyre_evaluation import store, work
from gyre_service.database import Sessions, transaction
from gyre_service.errors import ServiceError
from gyre_service.ids import now
from gyre_service.seen import FORGET_S, KEPT

log = logging.getLogger(__name__)


async def forget_old(sessions: Sessions) -> None:
    """Forget again and again, until cancelled, scores and shadows that are older than `KEPT`."""
    while True:
        try:
            async with transaction(sessions) as session:
                await store.forget_scores(session, now() - KEPT)
                await work.forget_shadows(session, now() - KEPT)
        except ServiceError as error:  # the database is away
            log.warning("nothing was forgotten: %s", error)
        await asyncio.sleep(FORGET_S)
