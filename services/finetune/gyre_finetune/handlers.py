"""Events in: each brings a job one step nearer to a runner."""

from typing import Annotated

from gyre_events import DatasetFrozen, RetrainingRequested
from gyre_finetune import store
from gyre_finetune.failing import fail
from gyre_finetune.store import SUPERSEDED
from gyre_service.database import Sessions, transaction
from gyre_service.kafka import Cause, Given, Router, of

SessionsOf = Annotated[Sessions, Given("sessions")]

router = Router("finetune")
events = router.subscriber(RetrainingRequested.topic, DatasetFrozen.topic)


# Two topics, so either may come first.
@events(filter=of(RetrainingRequested))
async def requested(event: RetrainingRequested, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        row = await store.lock_training(session, cause.tenant, event.job_id)
        if row.request is not None:
            return
        earlier = await store.superseding(session, cause.tenant, event)
        store.add_request(session, row, event)
        if earlier is not None and row.dataset is None:
            fail(
                session,
                row,
                f"superseded by the job {earlier.job_id} of the same route, which had no data "
                f"when this one was decided at {event.decided_at.isoformat()}",
                SUPERSEDED,
            )


@events(filter=of(DatasetFrozen))
async def frozen(event: DatasetFrozen, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        row = await store.lock_training(session, cause.tenant, event.job_id)
        store.add_dataset(session, row, event)
