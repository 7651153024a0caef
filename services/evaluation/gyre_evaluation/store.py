"""The tables of this service and every query it runs. Nothing here commits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import Score


class ScoredAnswer(SQLModel, table=True):
    """What one judge said of one answer. Neither texts nor persons."""

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    judge: str = Field(primary_key=True)
    scores: list[dict[str, Any]] = Field(sa_type=JSON)
    answered_at: datetime = Field(sa_type=DateTime(timezone=True))


async def get_scores(
    session: AsyncSession, tenant: str, answer_id: UUID, judge: str
) -> tuple[Score, ...] | None:
    row = await session.get(ScoredAnswer, (tenant, answer_id, judge))
    return None if row is None else tuple(Score.model_validate(one) for one in row.scores)


def add_scores(
    session: AsyncSession,
    tenant: str,
    answer_id: UUID,
    judge: str,
    scores: tuple[Score, ...],
    answered_at: datetime,
) -> None:
    session.add(
        ScoredAnswer(
            tenant=tenant,
            answer_id=answer_id,
            judge=judge,
            scores=[score.model_dump() for score in scores],
            answered_at=answered_at,
        )
    )
