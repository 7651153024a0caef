"""Tables and every query; nothing here commits."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime
from sqlmodel import Field, SQLModel, col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_service.ids import utc
from gyre_service.kafka import Received


class Document(SQLModel, table=True):
    """What somebody submitted under one id. Kept after its removal: versions count on."""

    __tablename__: ClassVar[str] = "ingestion_document"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    version: int = 0  # the newest; 0: none could be read yet
    removed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Version(SQLModel, table=True):
    """One content of a document. Only the newest keeps its chunks."""

    __tablename__: ClassVar[str] = "ingestion_version"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    collection: str
    name: str
    sha256: str = Field(index=True)
    size_bytes: int = Field(sa_type=BigInteger)
    chunks: bytes  # JSON, compressed; empty once it is replaced or removed
    submitted_at: datetime = Field(sa_type=DateTime(timezone=True))


class MediaType(SQLModel, table=True):
    """What a version's bytes were sent as. Versions older than this table have none.

    The same bytes count as news to those.
    """

    __tablename__: ClassVar[str] = "ingestion_media_type"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    media_type: str


class Submission(SQLModel, table=True):
    """What became of one event, so that its redelivery has the same effect."""

    __tablename__: ClassVar[str] = "ingestion_submission"

    tenant: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    document_id: UUID
    version: int | None = None  # that it made
    reason: str = ""  # why it was rejected


async def get_submission(session: AsyncSession, cause: Received) -> Submission | None:
    return await session.get(Submission, (cause.tenant, cause.source, cause.id))


async def get_document(session: AsyncSession, tenant: str, document_id: UUID) -> Document:
    """Return the document, or a new one; lock its row where the database can."""
    found = await session.get(Document, (tenant, document_id), with_for_update=True)
    return found or Document(tenant=tenant, document_id=document_id)


async def get_version(
    session: AsyncSession, tenant: str, document_id: UUID, version: int
) -> Version | None:
    return await session.get(Version, (tenant, document_id, version))


async def get_media_type(session: AsyncSession, version: Version) -> MediaType | None:
    key = (version.tenant, version.document_id, version.version)
    return await session.get(MediaType, key)


async def forget_chunks(session: AsyncSession, document: Document, before: datetime) -> None:
    """Empty the versions of `document` that were submitted up to `before`."""
    statement = (
        update(Version)
        .where(
            col(Version.tenant) == document.tenant,
            col(Version.document_id) == document.document_id,
            col(Version.submitted_at) <= before,
        )
        .values(chunks=b"")
    )
    await (await session.connection()).execute(statement)


def is_removed(document: Document, at: datetime) -> bool:
    """Tell whether the document was removed at `at` or later."""
    return document.removed_at is not None and at <= utc(document.removed_at)
