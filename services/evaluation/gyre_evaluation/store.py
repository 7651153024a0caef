"""The tables of this service and every query it runs. Nothing here commits."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, DateTime, func
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_evaluation.suites import Suite
from gyre_events import Score
from gyre_service.ids import now


class ScoredAnswer(SQLModel, table=True):
    """What one judge said of one answer. Neither texts nor persons."""

    __tablename__: ClassVar[str] = "evaluation_scored_answer"

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


async def forget_scores(session: AsyncSession, before: datetime) -> None:
    await session.exec(delete(ScoredAnswer).where(col(ScoredAnswer.answered_at) < before))


class StoredSuite(SQLModel, table=True):
    """A version of an operator's suite. Never changed, never deleted."""

    __tablename__: ClassVar[str] = "evaluation_stored_suite"

    tenant: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    content: dict[str, Any] = Field(sa_type=JSON)
    stored_at: datetime = Field(sa_type=DateTime(timezone=True))


async def put_suite(session: AsyncSession, tenant: str, suite: Suite) -> None:
    """Make `suite` the newest version of its name, if it is not already."""
    newest = await _newest(session, tenant, suite.name)
    if newest is not None and newest.digest == suite.digest:
        return
    session.add(
        StoredSuite(
            tenant=tenant,
            name=suite.name,
            version=newest.version + 1 if newest else 1,
            digest=suite.digest,
            content=suite.model_dump(mode="json", exclude_defaults=True),
            stored_at=now(),
        )
    )


async def get_suite(
    session: AsyncSession, tenant: str, name: str, digest: str = ""
) -> Suite | None:
    """Return the newest version of a suite whose digest begins with `digest`."""
    row = await _newest(session, tenant, name, digest)
    return None if row is None else Suite.model_validate(row.content)


async def newest_suites(session: AsyncSession, tenant: str) -> list[Suite]:
    """Return the newest version of each suite of `tenant`, by name."""
    name, version = col(StoredSuite.name), col(StoredSuite.version)
    newest = (
        select(name, func.max(version).label("version"))
        .where(col(StoredSuite.tenant) == tenant)
        .group_by(name)
        .subquery()
    )
    query = (
        select(StoredSuite.content)
        .join(newest, (name == newest.c.name) & (version == newest.c.version))
        .where(col(StoredSuite.tenant) == tenant)
        .order_by(name)
    )
    return [Suite.model_validate(content) for content in await session.exec(query)]


async def suite_names(session: AsyncSession, tenant: str) -> list[str]:
    name = col(StoredSuite.name)
    query = select(name).where(col(StoredSuite.tenant) == tenant).distinct().order_by(name)
    return list(await session.exec(query))


async def _newest(
    session: AsyncSession, tenant: str, name: str, digest: str = ""
) -> StoredSuite | None:
    query = (
        select(StoredSuite)
        .where(
            col(StoredSuite.tenant) == tenant,
            col(StoredSuite.name) == name,
            col(StoredSuite.digest).startswith(digest, autoescape=True),
        )
        .order_by(col(StoredSuite.version).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()
