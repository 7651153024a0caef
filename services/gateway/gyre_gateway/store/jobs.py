"""Trainings as they go: each event fills its part of a row, whichever comes first."""

from datetime import datetime
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import (
    AdapterTrained,
    DatasetFrozen,
    RetrainingRequested,
    TrainingFailed,
    TrainingProgressed,
)
from gyre_gateway.store.columns import UtcTime

Known: TypeAlias = (
    RetrainingRequested | DatasetFrozen | TrainingProgressed | AdapterTrained | TrainingFailed
)
MAX_LOSSES = 200  # points that are kept; then every second one goes


class Job(SQLModel, table=True):
    """One training."""

    __tablename__: ClassVar[str] = "gateway_job"

    tenant: str = Field(primary_key=True)
    job_id: UUID = Field(primary_key=True)
    route: str = Field(index=True)
    reason: str = ""
    requested_at: datetime | None = Field(default=None, sa_type=UtcTime)
    began_at: datetime = Field(sa_type=UtcTime)  # of its earliest event
    changed_at: datetime = Field(sa_type=UtcTime)
    drift_ids: list[str] = Field(default=[], sa_type=JSON)
    dataset: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    attempt: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    losses: list[list[float]] = Field(default=[], sa_type=JSON)  # [step, loss], by step
    adapter_digest: str | None = None
    seconds: float | None = None
    failure: str | None = None

    @property
    def state(self) -> str:
        if self.failure is not None:
            return "failed"
        if self.adapter_digest is not None:
            return "trained"
        return "training" if self.step else "waiting"

    def shown(self) -> dict[str, Any]:
        kept = self.model_dump(mode="json", exclude={"tenant", "job_id", "began_at"})
        requested = None if self.requested_at is None else self.requested_at.isoformat()
        return kept | {
            "id": str(self.job_id),
            "object": "job",
            "state": self.state,
            "requested_at": requested,
            "changed_at": self.changed_at.isoformat(),
        }


async def apply(session: AsyncSession, tenant: str, event: Known, time: datetime) -> Job | None:
    """Bring a job up to date with `event`; return it, or None if nothing has changed."""
    row = await session.get(Job, (tenant, event.job_id), with_for_update=True)
    before = None if row is None else row.model_dump()
    if row is None:
        row = Job(
            tenant=tenant, job_id=event.job_id, route=event.route, began_at=time, changed_at=time
        )
    row.began_at = min(row.began_at, time)
    match event:
        case RetrainingRequested():
            row.reason, row.requested_at = event.reason, event.decided_at
            row.drift_ids = [str(id) for id in event.drift_ids]
        case DatasetFrozen():
            row.dataset = event.model_dump(mode="json", include={"train", "holdout", "replay"})
        case TrainingProgressed():
            _progress(row, event)
        case AdapterTrained():
            row.adapter_digest, row.seconds = event.adapter_digest, event.seconds
        case TrainingFailed():
            row.failure = event.reason
    if row.model_dump() == before:
        return None
    row.changed_at = max(row.changed_at, time)
    session.add(row)
    return row


def _progress(row: Job, event: TrainingProgressed) -> None:
    """Add a point to the curve. Who took a job over goes back to its last checkpoint."""
    if (event.attempt, event.step) <= (row.attempt, row.step):
        return
    taken_over = event.attempt > row.attempt
    row.attempt, row.step, row.steps, row.loss = event.attempt, event.step, event.steps, event.loss
    kept = [point for point in row.losses if not taken_over or point[0] < event.step]
    if len(kept) >= MAX_LOSSES:
        kept = kept[::2]
    row.losses = [*kept, [event.step, event.loss]]


async def get(session: AsyncSession, tenant: str, job_id: UUID) -> Job | None:
    return await session.get(Job, (tenant, job_id))


async def newest(
    session: AsyncSession, tenant: str, limit: int, route: str | None = None
) -> list[Job]:
    query = select(Job).where(col(Job.tenant) == tenant)
    if route is not None:
        query = query.where(col(Job.route) == route)
    query = query.order_by(col(Job.began_at).desc(), col(Job.job_id))
    return list((await session.exec(query.limit(limit))).all())
