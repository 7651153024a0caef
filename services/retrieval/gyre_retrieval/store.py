"""Tables and every query; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import DateTime, Index, tuple_
from sqlmodel import Field, SQLModel, col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import ChunkPrepared
from gyre_retrieval.places import Place, point_id
from gyre_service.ids import utc


class Document(SQLModel, table=True):
    """What search finds of a document. Kept after its removal, for chunks that come late."""

    __tablename__: ClassVar[str] = "retrieval_document"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    live_version: int | None = None
    removed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    unclean: bool = Field(default=False, index=True)  # the index may have vectors of old versions


class Version(SQLModel, table=True):
    """A content of a document, whole or not yet."""

    __tablename__: ClassVar[str] = "retrieval_version"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    collection: str
    name: str
    sha256: str
    count: int
    submitted_at: datetime = Field(sa_type=DateTime(timezone=True))
    completed_by: str = ""  # source and id of the event that made it whole


class Chunk(SQLModel, table=True):
    """A passage, with its vector once it has one."""

    __tablename__: ClassVar[str] = "retrieval_chunk"
    __table_args__ = (
        Index("ix_retrieval_chunk_version", "tenant", "document_id", "version", "ordinal"),
    )

    tenant: str = Field(primary_key=True)
    chunk_id: UUID = Field(primary_key=True)
    document_id: UUID
    version: int
    ordinal: int
    text: str
    heading: str = ""
    page: int | None = None
    encoder: str = ""  # digest of whose the vector is
    vector: bytes | None = None  # little-endian float32

    @property
    def encoded_text(self) -> str:
        return f"{self.heading}\n{self.text}" if self.heading else self.text


async def get_document(session: AsyncSession, tenant: str, document_id: UUID) -> Document:
    """Return the document, or a new one; lock its row where the database can."""
    found = await session.get(Document, (tenant, document_id), with_for_update=True)
    return found or Document(tenant=tenant, document_id=document_id)


async def get_version(
    session: AsyncSession, tenant: str, document_id: UUID, version: int
) -> Version | None:
    return await session.get(Version, (tenant, document_id, version))


async def add_chunk(session: AsyncSession, tenant: str, event: ChunkPrepared) -> None:
    """Keep a chunk once."""
    if await session.get(Chunk, (tenant, event.chunk_id)) is None:
        fields = event.model_dump(exclude={"collection", "name", "sha256", "count"})
        session.add(Chunk(tenant=tenant, **fields))
        await session.flush()


async def chunks_of(session: AsyncSession, version: Version) -> Sequence[Chunk]:
    """Return the chunks of a version that have arrived, in its order."""
    query = select(Chunk).where(*_of(Chunk, version)).order_by(col(Chunk.ordinal))
    return (await session.exec(query)).all()


async def unembedded(session: AsyncSession, version: Version) -> Sequence[Chunk]:
    """Return the chunks of a version without a vector, in its order."""
    query = (
        select(Chunk)
        .where(*_of(Chunk, version), col(Chunk.vector).is_(None))
        .order_by(col(Chunk.ordinal))
    )
    return (await session.exec(query)).all()


async def count_chunks(session: AsyncSession, version: Version) -> int:
    query = select(func.count()).select_from(Chunk).where(*_of(Chunk, version))
    return (await session.exec(query)).one()


async def forget_versions(
    session: AsyncSession, tenant: str, document_id: UUID, versions: Sequence[int]
) -> None:
    """Delete versions; one that was whole leaves its row, for a redelivery of its last event."""
    for version in versions:
        row = await session.get(Version, (tenant, document_id, version))
        if row is None:
            continue
        await session.exec(delete(Chunk).where(*_of(Chunk, row)))
        if not row.completed_by:
            await session.delete(row)


async def versions_of(session: AsyncSession, tenant: str, document_id: UUID) -> Sequence[Version]:
    query = select(Version).where(
        col(Version.tenant) == tenant, col(Version.document_id) == document_id
    )
    return (await session.exec(query)).all()


async def live_chunks(
    session: AsyncSession, tenant: str, collection: str, chunk_ids: Sequence[UUID]
) -> dict[UUID, tuple[Chunk, Version]]:
    """Return those of the chunks that belong to a live version, with it."""
    query = (
        select(Chunk, Version)
        .join(Version, _same(Chunk, Version) & (col(Chunk.version) == col(Version.version)))
        .join(
            Document,
            _same(Version, Document) & (col(Version.version) == col(Document.live_version)),
        )
        .where(
            col(Chunk.tenant) == tenant,
            col(Chunk.chunk_id).in_(chunk_ids),
            col(Version.collection) == collection,
        )
    )
    return {chunk.chunk_id: (chunk, version) for chunk, version in await session.exec(query)}


async def chunks_of_others(session: AsyncSession, digest: str, limit: int) -> Sequence[Chunk]:
    """Return chunks whose vector is of another encoder than `digest`."""
    other = col(Chunk.vector).is_not(None) & (col(Chunk.encoder) != digest)
    return (await session.exec(select(Chunk).where(other).limit(limit))).all()


async def places(
    session: AsyncSession, after: Place | None, limit: int, tenant: str = "", collection: str = ""
) -> list[Place]:
    """Return where chunks with a vector belong, of a tenant's collection or of all, in their order.

    Args:
        session: Of the database.
        after: The last one that was returned before; None: from the first.
        limit: How many at most.
        tenant: Whose; all, if empty.
        collection: Of the tenant.
    """
    key = tuple_(col(Chunk.tenant), col(Chunk.chunk_id))
    query = (
        sqlalchemy.select(
            col(Chunk.tenant),
            col(Chunk.chunk_id),
            col(Chunk.document_id),
            col(Chunk.version),
            col(Version.collection),
        )
        .join(Version, _same(Chunk, Version) & (col(Chunk.version) == col(Version.version)))
        .where(col(Chunk.vector).is_not(None))
        .order_by(*key)
        .limit(limit)
    )
    if after is not None:
        query = query.where(key > (after.tenant, after.chunk_id))
    if tenant:
        query = query.where(col(Chunk.tenant) == tenant, col(Version.collection) == collection)
    return [Place(*row) for row in await (await session.connection()).execute(query)]


async def existing(session: AsyncSession, tenant: str, chunk_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the chunks that are rows, with a vector or not yet."""
    query = select(Chunk.chunk_id).where(
        col(Chunk.tenant) == tenant, col(Chunk.chunk_id).in_(chunk_ids)
    )
    return set((await session.exec(query)).all())


async def point_ids_of(session: AsyncSession, tenant: str, document_id: UUID) -> set[str]:
    """Return the id of every point that a document's chunks have, or will have."""
    query = select(Chunk.chunk_id).where(
        col(Chunk.tenant) == tenant, col(Chunk.document_id) == document_id
    )
    return {point_id(tenant, chunk_id) for chunk_id in await session.exec(query)}


async def vector_of(session: AsyncSession, tenant: str, chunk_id: UUID) -> bytes:
    """Return the vector of a chunk that has one."""
    chunk = await session.get(Chunk, (tenant, chunk_id))
    return (chunk.vector if chunk is not None else None) or b""


async def unclean_documents(session: AsyncSession) -> Sequence[Document]:
    return (await session.exec(select(Document).where(col(Document.unclean)))).all()


def is_removed(document: Document, at: datetime) -> bool:
    """Tell whether the document was removed at `at` or later."""
    return document.removed_at is not None and utc(at) <= utc(document.removed_at)


def _of(table: type[Chunk], version: Version) -> tuple[Any, ...]:
    return (
        col(table.tenant) == version.tenant,
        col(table.document_id) == version.document_id,
        col(table.version) == version.version,
    )


def _same(left: Any, right: Any) -> Any:
    return (col(left.tenant) == col(right.tenant)) & (
        col(left.document_id) == col(right.document_id)
    )
