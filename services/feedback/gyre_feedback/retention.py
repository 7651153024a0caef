"""What happens without an event: old answers are forgotten, waiting feedback is counted."""

import asyncio
import logging
from datetime import timedelta

from prometheus_client import Gauge

from gyre_feedback import store
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import ServiceError
from gyre_service.ids import now

COUNT_S = 5
COUNTS_A_PRUNING = 720  # once an hour

WAITING = Gauge("gyre_feedback_waiting", "Feedback whose answer has not come")

log = logging.getLogger(__name__)


async def keep(sessions: Sessions, days: int) -> None:
    """Prune and count again and again, until cancelled.

    Args:
        sessions: Of the own database.
        days: How long an answer is kept, from when it came.
    """
    turn = 0
    while True:
        try:
            if turn % COUNTS_A_PRUNING == 0:
                await prune(sessions, days)
            await count(sessions)
        except ServiceError as error:  # the database is away: the next turn is soon
            log.warning("retention: %s", error)
        else:
            turn += 1
        await asyncio.sleep(COUNT_S)


async def prune(sessions: Sessions, days: int) -> int:
    """Forget the answers that came more than `days` ago; return how many.

    Verdicts, examples and datasets stay, and so does feedback that waits.
    """
    async with transaction(sessions) as session:
        forgotten = await store.forget_answers(session, now() - timedelta(days=days))
    log.info("forgot %d answers older than %d days", forgotten, days)
    return forgotten


async def count(sessions: Sessions) -> None:
    """Bring the gauge of waiting feedback up to date."""
    async with snapshot(sessions) as session:
        WAITING.set(await store.count_waiting(session))
