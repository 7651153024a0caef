"""How a job ends without an adapter."""

import asyncio
import logging

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import RetrainingRequested, TrainingFailed
from gyre_finetune import store
from gyre_finetune.store import FAILED, Training
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Conflict, Unavailable
from gyre_service.ids import derived_id, now
from gyre_service.kafka import enqueue

log = logging.getLogger(__name__)

SERVICE = "finetune"
LOOK_S = 1.0


def fail(session: AsyncSession, row: Training, reason: str, state: str = FAILED) -> None:
    """End a job with a reason, and publish that."""
    request = RetrainingRequested.model_validate(row.request)
    row.state, row.outcome = state, reason
    session.add(row)
    event = TrainingFailed(job_id=row.job_id, route=request.route, reason=reason, decided_at=now())
    enqueue(session, event, row.tenant, SERVICE, derived_id(row.tenant, event.topic, row.job_id))


async def fail_overdue(sessions: Sessions, grace_s: float) -> None:
    """Fail every job whose dataset has not come in time, until cancelled.

    Args:
        sessions: Of the database.
        grace_s: After a deadline, and after the start: what came in time while we were away
            must be read first.
    """
    await asyncio.sleep(grace_s)
    while True:
        try:
            await fail_once(sessions, grace_s)
        except (Unavailable, Conflict) as error:
            log.warning("overdue jobs were not looked for: %s", error)
        await asyncio.sleep(LOOK_S)


async def fail_once(sessions: Sessions, grace_s: float) -> None:
    """Fail the jobs that are overdue now."""
    async with transaction(sessions) as session:
        for row in await store.overdue(session, grace_s):
            request = RetrainingRequested.model_validate(row.request)
            floor = request.training
            fail(
                session,
                row,
                f"no dataset until {request.data_deadline.isoformat()}: it takes "
                f"{floor.floor_examples} curated examples from "
                f"{floor.floor_conversations} conversations",
            )
