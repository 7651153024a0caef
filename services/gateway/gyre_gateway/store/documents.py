"""Documents: what was submitted, what became of it."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Index, tuple_
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import DocumentIndexed, DocumentRejected, DocumentRemoved, DocumentSubmitted
from gyre_gateway.store.columns import UtcTime
from gyre_service.errors import Rejected

TICK = timedelta(microseconds=1)
LAST = datetime.max.replace(tzinfo=UTC) - TICK
# Events of one moment in the order in which they cause each other. A submission has one answer;
# that search has it already may have been assumed, and its rejection says better.
ORDER = {"submitted": 0, "indexed": 1, "rejected": 2, "removed": 3}


class Document(SQLModel, table=True):
    """One document of a tenant.

    `status` belongs to the newest submission, the version and its chunks to what search finds,
    which may be older.
    """

    __tablename__: ClassVar[str] = "gateway_document"
    __table_args__: ClassVar[tuple[Index]] = (
        Index("ix_gateway_document_newest", "tenant", "time", "document_id"),
    )

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    collection: str
    name: str
    status: str
    time: datetime = Field(sa_type=UtcTime)  # of the submission or removal
    media_type: str = ""
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    sha256: str = ""
    version: int = 0  # 0: not searchable
    chunks: int = 0
    indexed_sha256: str = ""
    reason: str = ""

    def shown(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "id": str(self.document_id),
            "object": "document",
            "name": self.name,
            "collection": self.collection,
            "status": self.status,
            "sha256": self.sha256,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
            "version": self.version or None,
            "chunks": self.chunks,
            "reason": self.reason or None,
            "updated_at": self.time.isoformat(),
        }

    def is_searchable_as(self, sha256: str) -> bool:
        """Say whether search has these bytes, and no others are known to be on their way."""
        return self.status == "indexed" and self.sha256 == self.indexed_sha256 == sha256

    def is_before(self, status: str, time: datetime) -> bool:
        """Say whether an event that leads to `status` at `time` is newer than what we know.

        What follows from a submission has its time.
        """
        return (time, ORDER[status]) > (self.time, ORDER[self.status])


class MediaType(SQLModel, table=True):
    """What the version that search finds was sent as, where we saw its submission first."""

    __tablename__: ClassVar[str] = "gateway_media_type"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    version: int
    media_type: str


Known = DocumentSubmitted | DocumentIndexed | DocumentRejected | DocumentRemoved


def next_time(row: Document | None, now: datetime) -> datetime:
    """Return when what is said of a document now happens: after all that was said of it before.

    A clock that was ahead then, ours or another gateway's, would let the older one win.
    """
    # A foreign producer may have said any time: from the last one on there is no later one.
    last = min(row.time, LAST) if row is not None else None
    return now if last is None else max(now, last + TICK)


async def get(session: AsyncSession, tenant: str, document_id: UUID) -> Document | None:
    return await session.get(Document, (tenant, document_id))


async def apply(
    session: AsyncSession, tenant: str, event: Known, time: datetime
) -> Document | None:
    """Bring a document up to date with `event`, whatever came before it.

    Returns:
        The row if it changed.
    """
    row = await session.get(Document, (tenant, event.document_id), with_for_update=True)
    status = event.topic.removeprefix("document-")
    is_new = row is None
    row = row or Document(
        tenant=tenant,
        document_id=event.document_id,
        collection=event.collection,
        name=event.name,
        status=status,
        time=time,
    )
    if isinstance(event, DocumentIndexed):
        await _keep_media_type(session, row, event, time)
    is_unchanged = isinstance(event, DocumentSubmitted) and await _has(session, row, event)
    if not (_advance(row, event, status, time, is_new, is_unchanged) | is_new):
        return None
    session.add(row)
    return row


async def _keep_media_type(
    session: AsyncSession, row: Document, event: DocumentIndexed, time: datetime
) -> None:
    if row.media_type and (row.time, row.sha256) == (time, event.sha256):
        await session.merge(
            MediaType(
                tenant=row.tenant,
                document_id=row.document_id,
                version=event.version,
                media_type=row.media_type,
            )
        )


async def _has(session: AsyncSession, row: Document, event: DocumentSubmitted) -> bool:
    """Say whether search has what is submitted, so that nobody will answer.

    Where it is not known what its version was sent as, it has: a wrong yes is put right by the
    answer, a wrong no by nothing.
    """
    if row.version == 0 or row.indexed_sha256 != event.sha256:
        return False
    found = await session.get(MediaType, (row.tenant, row.document_id))
    if found is None or found.version != row.version:
        return True
    return found.media_type == event.media_type


def _advance(
    row: Document, event: Known, status: str, time: datetime, is_new: bool, is_unchanged: bool
) -> bool:
    newer = is_new or row.is_before(status, time)
    match event:
        case DocumentSubmitted():
            # Its answer came first, or only its removal did.
            is_its = (row.time, row.sha256) == (time, event.sha256)
            if is_its or (row.sha256 == "" and row.size_bytes is None):
                row.media_type, row.size_bytes = event.media_type, event.size_bytes
                row.sha256 = event.sha256
            if newer:
                row.media_type, row.size_bytes = event.media_type, event.size_bytes
                row.sha256, row.reason = event.sha256, ""
                status = "indexed" if is_unchanged else status
        case DocumentIndexed():
            found = event.version > row.version and not (row.status == "removed" and not newer)
            if found:
                row.version, row.chunks = event.version, event.chunks
                row.indexed_sha256 = event.sha256
                # Of the same bytes sent again, only their first submission is answered.
                if row.status == "submitted" and row.sha256 == event.sha256:
                    row.status = "indexed"
            if not newer:
                return found
            row.sha256, row.reason = event.sha256, ""
        case DocumentRejected():
            if newer:
                row.sha256, row.reason = event.sha256, event.reason
        case DocumentRemoved():
            if newer:
                row.version, row.chunks, row.indexed_sha256, row.reason = 0, 0, "", ""
    if newer:
        row.status, row.time = status, time
    return newer


async def page(
    session: AsyncSession,
    tenant: str,
    limit: int,
    collection: str | None = None,
    status: str | None = None,
    after: UUID | None = None,
) -> list[Document]:
    """Return the newest documents first, those after the one with the id `after`.

    Raises:
        Rejected: There is none with that id.
    """
    query = select(Document).where(col(Document.tenant) == tenant)
    if collection is not None:
        query = query.where(col(Document.collection) == collection)
    if status is None:
        query = query.where(col(Document.status) != "removed")
    else:
        query = query.where(col(Document.status) == status)
    if after is not None:
        last = await get(session, tenant, after)
        if last is None:
            raise Rejected(f"no document {after}: `after` is the id of one", param="after")
        place = tuple_(col(Document.time), col(Document.document_id))
        query = query.where(place < (last.time, last.document_id))
    query = query.order_by(col(Document.time).desc(), col(Document.document_id).desc())
    return list((await session.exec(query.limit(limit))).all())
