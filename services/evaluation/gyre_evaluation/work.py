"""The tables of work that outlasts a handler, and every query on them. Nothing here commits."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_evaluation.report import Result
from gyre_events import AnswerGenerated, RolloutChanged
from gyre_service.ids import derived_id
from gyre_service.jobs import READY, Job

DONE = "done"


class Evaluation(Job, table=True):
    """A candidate that is to be measured in the rollout that brought it."""

    __tablename__: ClassVar[str] = "evaluation_evaluation"

    adapter_digest: str
    rollout: dict[str, Any] = Field(sa_type=JSON)  # rollout-changed, as it was


class ItemOutcome(SQLModel, table=True):
    """How one subject did on one item: a runner that takes over asks it not again."""

    __tablename__: ClassVar[str] = "evaluation_item_outcome"

    tenant: str = Field(primary_key=True)
    job_id: UUID = Field(primary_key=True)
    suite: str = Field(primary_key=True)  # name@digest/digest of the prompt
    adapter: str = Field(primary_key=True)  # digest, or `base`
    item_id: str = Field(primary_key=True)
    passed: bool
    answer: str
    error: str = ""
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))  # Result


class Shadow(Job, table=True):
    """A live question that the candidate is asked too; nobody is shown its answer."""

    __tablename__: ClassVar[str] = "evaluation_shadow"

    adapter_digest: str
    rollout_id: UUID
    answer: dict[str, Any] = Field(sa_type=JSON)  # answer-generated of production; empty once done


async def add_evaluation(
    session: AsyncSession, tenant: str, digest: str, rollout: RolloutChanged
) -> None:
    """Add the job of measuring an adapter in a rollout, once, however many replicas load it."""
    job_id = derived_id(tenant, "evaluation", rollout.rollout_id, digest)
    if await session.get(Evaluation, (tenant, job_id)) is None:
        session.add(
            Evaluation(
                tenant=tenant,
                job_id=job_id,
                state=READY,
                adapter_digest=digest,
                rollout=rollout.model_dump(mode="json"),
            )
        )


async def add_shadow(
    session: AsyncSession, tenant: str, digest: str, rollout_id: UUID, answer: AnswerGenerated
) -> None:
    """Add the job of asking a candidate what production was asked, once an answer."""
    job_id = derived_id(tenant, "shadow", answer.answer_id, digest)
    if await session.get(Shadow, (tenant, job_id)) is None:
        session.add(
            Shadow(
                tenant=tenant,
                job_id=job_id,
                state=READY,
                adapter_digest=digest,
                rollout_id=rollout_id,
                answer=answer.model_dump(mode="json"),
            )
        )


async def forget_shadows(session: AsyncSession, before: datetime) -> None:
    """Delete the shadows that are done and were asked for before a time."""
    await session.exec(
        delete(Shadow).where(col(Shadow.state) == DONE, col(Shadow.created_at) < before)
    )


async def outcomes_of(
    session: AsyncSession, tenant: str, job_id: UUID, suite: str, adapter: str
) -> dict[str, Result]:
    """Return what came of the items of a `suite`, as its key says, that a subject was asked."""
    query = select(ItemOutcome).where(
        col(ItemOutcome.tenant) == tenant,
        col(ItemOutcome.job_id) == job_id,
        col(ItemOutcome.suite) == suite,
        col(ItemOutcome.adapter) == adapter,
    )
    return {
        row.item_id: Result(**row.result or {"answerable": True, "passed": row.passed})
        for row in await session.exec(query)
    }
