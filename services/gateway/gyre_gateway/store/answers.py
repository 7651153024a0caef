"""Answers as they were given."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, Index, tuple_
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AnswerGenerated
from gyre_gateway.store.columns import UtcTime
from gyre_service.errors import Rejected


class Answer(SQLModel, table=True):
    """One answer; `event` is all of it, the columns are what is searched for."""

    __tablename__: ClassVar[str] = "gateway_answer"
    __table_args__: ClassVar[tuple[Index]] = (
        Index("ix_gateway_answer_newest", "tenant", "purpose", "time", "answer_id"),
    )

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    time: datetime = Field(sa_type=UtcTime)
    route: str
    purpose: str
    person: str | None = Field(default=None, index=True)
    conversation_id: UUID = Field(index=True)
    event: dict[str, Any] = Field(sa_type=JSON)

    def generated(self) -> AnswerGenerated:
        return AnswerGenerated.model_validate(self.event)


async def get(session: AsyncSession, tenant: str, answer_id: UUID) -> Answer | None:
    return await session.get(Answer, (tenant, answer_id))


async def add(
    session: AsyncSession, tenant: str, event: AnswerGenerated, time: datetime
) -> Answer | None:
    """Keep an answer.

    Returns:
        The row if it is new.
    """
    if await get(session, tenant, event.answer_id) is not None:
        return None
    row = Answer(
        tenant=tenant,
        answer_id=event.answer_id,
        time=time,
        route=event.route,
        purpose=event.purpose,
        person=event.person,
        conversation_id=event.conversation_id,
        event=event.model_dump(mode="json"),
    )
    session.add(row)
    return row


async def page(
    session: AsyncSession,
    tenant: str,
    limit: int,
    *,
    purpose: str = "live",
    route: str | None = None,
    persons: Sequence[str] | None = None,
    conversation_id: UUID | None = None,
    after: UUID | None = None,
) -> list[Answer]:
    """Return the newest answers first, those after the one with the id `after`.

    Raises:
        Rejected: There is none with that id.
    """
    query = select(Answer).where(col(Answer.tenant) == tenant, col(Answer.purpose) == purpose)
    if route is not None:
        query = query.where(col(Answer.route) == route)
    if persons is not None:
        query = query.where(col(Answer.person).in_(persons))
    if conversation_id is not None:
        query = query.where(col(Answer.conversation_id) == conversation_id)
    if after is not None:
        last = await get(session, tenant, after)
        if last is None:
            raise Rejected(f"no answer {after}: `after` is the id of one", param="after")
        place = tuple_(col(Answer.time), col(Answer.answer_id))
        query = query.where(place < (last.time, last.answer_id))
    query = query.order_by(col(Answer.time).desc(), col(Answer.answer_id).desc())
    return list((await session.exec(query.limit(limit))).all())
