"""What judges and people said of answers. It may be here before its answer is."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AnswerScored, VerdictRecorded
from gyre_gateway.store.columns import UtcTime


class Score(SQLModel, table=True):
    """One figure of one judge for one answer."""

    __tablename__: ClassVar[str] = "gateway_score"

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    judge: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: float
    label: str = ""
    explanation: str = ""
    time: datetime = Field(sa_type=UtcTime)

    def shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"tenant", "answer_id", "time"})


class Verdict(SQLModel, table=True):
    """Feedback that found its answer."""

    __tablename__: ClassVar[str] = "gateway_verdict"

    tenant: str = Field(primary_key=True)
    feedback_id: UUID = Field(primary_key=True)
    answer_id: UUID = Field(index=True)
    by: str | None = None
    thumb: str | None = None
    score: float | None = None
    comment: str | None = None
    edited_answer: str | None = None
    decided_at: datetime = Field(sa_type=UtcTime)

    def shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"tenant", "answer_id"})


async def add_scores(
    session: AsyncSession, tenant: str, event: AnswerScored, time: datetime
) -> list[Score]:
    """Keep the scores of one judge, the newest of each name.

    Returns:
        The rows that are new or changed.
    """
    changed = []
    for score in event.scores:
        key = (tenant, event.answer_id, event.judge, score.name)
        row = await session.get(Score, key, with_for_update=True)
        if row is not None and row.time >= time:
            continue
        values = score.model_dump() | {"time": time}
        if row is None:
            row = Score(tenant=tenant, answer_id=event.answer_id, judge=event.judge, **values)
        else:
            row.sqlmodel_update(values)
        session.add(row)
        changed.append(row)
    return changed


async def add_verdict(session: AsyncSession, tenant: str, event: VerdictRecorded) -> Verdict | None:
    """Keep a verdict.

    Returns:
        The row if it is new.
    """
    if await session.get(Verdict, (tenant, event.feedback_id)) is not None:
        return None
    names = set(Verdict.model_fields) - {"tenant"}
    row = Verdict(tenant=tenant, **event.model_dump(include=names))
    session.add(row)
    return row


async def scores_of(
    session: AsyncSession, tenant: str, answer_ids: Iterable[UUID]
) -> dict[UUID, list[Score]]:
    query = select(Score).where(
        col(Score.tenant) == tenant, col(Score.answer_id).in_(list(answer_ids))
    )
    found: dict[UUID, list[Score]] = defaultdict(list)
    for row in await session.exec(query.order_by(col(Score.judge), col(Score.name))):
        found[row.answer_id].append(row)
    return found


async def verdicts_of(
    session: AsyncSession, tenant: str, answer_ids: Iterable[UUID]
) -> dict[UUID, list[Verdict]]:
    query = select(Verdict).where(
        col(Verdict.tenant) == tenant, col(Verdict.answer_id).in_(list(answer_ids))
    )
    found: dict[UUID, list[Verdict]] = defaultdict(list)
    for row in await session.exec(query.order_by(col(Verdict.decided_at))):
        found[row.answer_id].append(row)
    return found
