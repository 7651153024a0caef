"""Our own events, which only a replay reads: how a job ended, a runner or the clock has decided."""

from typing import Annotated
from uuid import UUID

from gyre_events import AdapterTrained, TrainingFailed
from gyre_finetune import store
from gyre_finetune.store import DONE, ENDED, FAILED, SUPERSEDED
from gyre_service.database import Sessions, transaction
from gyre_service.kafka import Cause, Given, Received, Router, of

SessionsOf = Annotated[Sessions, Given("sessions")]

SOURCE = "/gyre/finetune"

router = Router("finetune")
own = router.subscriber(AdapterTrained.topic, TrainingFailed.topic)


@own(filter=of(AdapterTrained))
async def trained(event: AdapterTrained, cause: Cause, sessions: SessionsOf) -> None:
    # Though the request may look superseded: the live service had its data first.
    await _end(sessions, cause, event.job_id, DONE, event.adapter_digest, over=(SUPERSEDED,))


@own(filter=of(TrainingFailed))
async def failed(event: TrainingFailed, cause: Cause, sessions: SessionsOf) -> None:
    await _end(sessions, cause, event.job_id, FAILED, event.reason)


async def _end(
    sessions: Sessions,
    cause: Received,
    job_id: UUID,
    state: str,
    outcome: str,
    over: tuple[str, ...] = (),
) -> None:
    """End a job, unless it has ended; `over` are ends that do not count.

    What a foreign trainer says of its own jobs the live service does not read either.
    """
    async with transaction(sessions) as session:
        row = await store.lock_training(session, cause.tenant, job_id)
        ended = row.state in ENDED and row.state not in over
        if cause.source == SOURCE and not ended:
            row.state, row.outcome = state, outcome
            session.add(row)
