"""`/v1/jobs`: trainings, from the request to the adapter."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query

from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.openai_wire.base import Shown, UuidText
from gyre_gateway.store import jobs
from gyre_service.database import snapshot
from gyre_service.errors import NotFound

router = APIRouter(tags=["jobs"])


class ShownJob(Shown):
    """A training; `losses` has points of [step, loss], `seconds` is what it took."""

    id: UUID
    object: Literal["job"] = "job"
    route: str
    state: Literal["waiting", "training", "trained", "failed"]
    reason: str
    requested_at: str | None
    changed_at: str
    drift_ids: list[UUID]
    dataset: dict[str, Any] | None
    step: int
    steps: int
    loss: float | None
    losses: list[list[float]]
    adapter_digest: str | None
    seconds: float | None
    failure: str | None


class JobList(Shown):
    object: Literal["list"] = "list"
    data: list[ShownJob]
    has_more: bool


@router.get("/v1/jobs")
async def list_jobs(
    parts: Parts,
    caller: Operator,
    route: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobList:
    """List trainings, newest first."""
    async with snapshot(parts.sessions) as session:
        rows = await jobs.newest(session, caller.tenant, limit + 1, route)
    data = [row.shown() for row in rows[:limit]]
    return JobList.model_validate({"data": data, "has_more": len(rows) > limit})


@router.get("/v1/jobs/{job_id}")
async def get_job(job_id: Annotated[UuidText, Path()], parts: Parts, caller: Operator) -> ShownJob:
    """Show one training."""
    async with snapshot(parts.sessions) as session:
        row = await jobs.get(session, caller.tenant, UUID(job_id))
    if row is None:
        raise NotFound(f"no job {job_id}: look again in a moment if it is new")
    return ShownJob.model_validate(row.shown())
