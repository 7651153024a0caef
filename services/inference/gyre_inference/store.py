"""Answers that somebody may ask for again, and the events that wait for Kafka."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel, col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_service.database import PASSING


class StoredAnswer(SQLModel, table=True):
    """What was answered under a request id, or that it is being answered."""

    __tablename__: ClassVar[str] = "inference_stored_answer"
    __table_args__: ClassVar[dict[str, Any]] = {"info": {PASSING: True}}

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    body_sha256: str
    replica: str = ""  # that answered it, or is answering it
    response: bytes | None = None  # a CompleteResponse; null: it is being answered
    # Until then it is kept; while being answered: until then nobody else answers it.
    until: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class Answered(SQLModel, table=True):
    """An answer that was published: under its id there is no other one, kept or not."""

    __tablename__: ClassVar[str] = "inference_answered"
    __table_args__: ClassVar[dict[str, Any]] = {"info": {PASSING: True}}

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    until: datetime = Field(sa_type=DateTime(timezone=True), index=True)  # after its event is gone


async def was_answered(session: AsyncSession, tenant: str, answer_id: UUID) -> bool:
    return await session.get(Answered, (tenant, answer_id)) is not None


async def get_answer(session: AsyncSession, tenant: str, answer_id: UUID) -> StoredAnswer | None:
    return await session.get(StoredAnswer, (tenant, answer_id))


async def forget_claim(
    session: AsyncSession, tenant: str, answer_id: UUID, until: datetime
) -> None:
    """Let the same request be answered anew, if nobody finished it, or claimed it after `until`."""
    await session.exec(
        delete(StoredAnswer).where(
            col(StoredAnswer.tenant) == tenant,
            col(StoredAnswer.answer_id) == answer_id,
            col(StoredAnswer.until) == until,
            col(StoredAnswer.response).is_(None),
        )
    )


async def forget_claims(session: AsyncSession, replica: str) -> None:
    """Let everything be answered anew that a replica began and has not finished."""
    await session.exec(
        delete(StoredAnswer).where(
            col(StoredAnswer.replica) == replica, col(StoredAnswer.response).is_(None)
        )
    )


async def forget_old_answers(session: AsyncSession, time: datetime) -> None:
    await session.exec(delete(StoredAnswer).where(col(StoredAnswer.until) < time))
    await session.exec(delete(Answered).where(col(Answered.until) < time))
