"""The table of this service and every query it runs. Nothing here commits."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, DateTime
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import DatasetFrozen, RetrainingRequested
from gyre_service.database import clock
from gyre_service.jobs import READY, Job

WAITING, DONE, FAILED, SUPERSEDED = "waiting", "done", "failed", "superseded"
ENDED = (DONE, FAILED, SUPERSEDED)


class Training(Job, table=True):
    """A training that was asked for: it waits for its dataset, then for a runner."""

    __tablename__: ClassVar[str] = "finetune_training"

    request: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    dataset: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    deadline: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), index=True)
    outcome: str = ""  # the adapter's digest, or why there is none


async def lock_training(session: AsyncSession, tenant: str, job_id: UUID) -> Training:
    """Return the row of a job, made if need be; nobody else changes it now."""
    query = select(Training).where(col(Training.tenant) == tenant, col(Training.job_id) == job_id)
    row = (await session.exec(query.with_for_update())).first()
    return row or Training(tenant=tenant, job_id=job_id, state=WAITING)


async def superseding(
    session: AsyncSession, tenant: str, request: RetrainingRequested
) -> Training | None:
    """Return an earlier job of the route that had no data yet when `request` was decided."""
    query = select(Training).where(
        col(Training.tenant) == tenant,
        col(Training.job_id) != request.job_id,
        col(Training.request)["route"].as_string() == request.route,
        col(Training.state) != SUPERSEDED,
    )
    for row in (await session.exec(query.order_by(col(Training.created_at)))).all():
        earlier = RetrainingRequested.model_validate(row.request)
        dataset = row.dataset and DatasetFrozen.model_validate(row.dataset)
        if request.decided_at <= (dataset.decided_at if dataset else earlier.data_deadline):
            return row
    return None


def add_request(session: AsyncSession, row: Training, event: RetrainingRequested) -> None:
    row.request, row.deadline = event.model_dump(mode="json"), event.data_deadline
    _ready_if_whole(session, row)


def add_dataset(session: AsyncSession, row: Training, event: DatasetFrozen) -> None:
    row.dataset = event.model_dump(mode="json")
    _ready_if_whole(session, row)


def _ready_if_whole(session: AsyncSession, row: Training) -> None:
    if row.state == WAITING and row.request is not None and row.dataset is not None:
        row.state = READY
    session.add(row)


async def overdue(session: AsyncSession, grace_s: float) -> list[Training]:
    """Return the jobs that have waited for their dataset for so long beyond their deadline."""
    seconds = (await session.exec(select(clock(session)))).one()
    time = datetime.fromtimestamp(seconds - grace_s, UTC)
    query = (
        select(Training)
        .where(
            col(Training.state) == WAITING,
            col(Training.request).is_not(None),
            col(Training.deadline) < time,
        )
        .with_for_update(skip_locked=True)
    )
    return list((await session.exec(query)).all())
