"""API keys, known by their keyed hash only."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import ApiKeyChanged
from gyre_gateway.store.columns import UtcTime


class Key(SQLModel, table=True):
    """Who may ask, and for whom. Rows are never deleted: a revision never goes back."""

    __tablename__: ClassVar[str] = "gateway_key"

    key_id: str = Field(primary_key=True)
    tenant: str
    hash: str = Field(unique=True)
    scopes: list[str] = Field(sa_type=JSON)
    revision: int = 1
    revoked: bool = False
    expires_at: datetime | None = Field(default=None, sa_type=UtcTime)

    def event(self) -> ApiKeyChanged:
        return ApiKeyChanged.model_validate(self.model_dump(exclude={"tenant"}))


async def by_hash(session: AsyncSession, hash: str) -> Key | None:
    return (await session.exec(select(Key).where(col(Key.hash) == hash))).one_or_none()


async def every(session: AsyncSession) -> dict[str, Key]:
    return {row.hash: row for row in (await session.exec(select(Key))).all()}
