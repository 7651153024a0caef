"""Documents: what was submitted, what became of it."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import DocumentIndexed, DocumentRejected, DocumentRemoved, DocumentSubmitted
from gyre_gateway.store.columns import UtcTime
from gyre_service.errors import Rejected

TICK = timedelta(microseconds=1)
LAST = datetime.max.replace(tzinfo=UTC) - TICK
# Events of one moment in the order in which they cause each other.
ORDER = {"submitted": 0, "rejected": 1, "indexed": 1, "removed": 2}


class Document(SQLModel, table=True):
    """One document of a tenant.

    `status` belongs to the newest submission, the version and its chunks to what search finds,
    which may be older.
    """

    __tablename__: ClassVar[str] = "gateway_document"

    tenant: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    collection: str
    name: str
    status: str
    time: datetime = Field(sa_type=UtcTime, index=True)  # of the submission or removal
    media_type: str = ""
    size_bytes: int | None = None
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
    if not (_advance(row, event, status, time, is_new) | is_new):
        return None
    session.add(row)
    return row


def _advance(row: Document, event: Known, status: str, time: datetime, is_new: bool) -> bool:
    newer = is_new or row.is_before(status, time)
    match event:
        case DocumentSubmitted():
            if row.sha256 in ("", event.sha256) and row.size_bytes is None:
                row.media_type, row.size_bytes = event.media_type, event.size_bytes
                row.sha256 = event.sha256
            if newer:
                row.media_type, row.size_bytes = event.media_type, event.size_bytes
                row.sha256, row.reason = event.sha256, ""
                unchanged = row.version > 0 and row.indexed_sha256 == event.sha256
                status = "indexed" if unchanged else status
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
