"""`/v1/documents`: what questions are answered from."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request

from gyre_gateway.asking import IdempotencyKey
from gyre_gateway.gateway import Author, Parts
from gyre_gateway.openai_wire.base import Shown
from gyre_gateway.openai_wire.errors import REPEATED
from gyre_gateway.receiving import REQUEST_BODY, uploads_of
from gyre_gateway.store import documents
from gyre_gateway.submitting import Accepted, remove, submit
from gyre_service.database import snapshot
from gyre_service.errors import NotFound

router = APIRouter(tags=["documents"])

Status = Literal["submitted", "indexed", "rejected", "removed"]


class AcceptedDocument(Shown):
    """`unchanged`: search finds exactly these bytes already."""

    id: UUID
    object: Literal["document"] = "document"
    name: str
    collection: str
    status: Literal["submitted", "unchanged"]
    sha256: str

    @classmethod
    def of(cls, accepted: Accepted) -> "AcceptedDocument":
        upload = accepted.upload
        return cls.model_validate(
            {
                "id": accepted.document_id,
                "name": upload.name,
                "collection": upload.collection,
                "status": accepted.status,
                "sha256": upload.sha256,
            }
        )


class AcceptedDocuments(Shown):
    object: Literal["list"] = "list"
    data: list[AcceptedDocument]


class ShownDocument(Shown):
    """A document; `version` and `chunks` are of what search finds, `status` of the newest."""

    id: UUID
    object: Literal["document"] = "document"
    name: str
    collection: str
    status: Status
    sha256: str
    media_type: str
    size_bytes: int | None
    version: int | None
    chunks: int
    reason: str | None
    updated_at: str


class DocumentList(Shown):
    object: Literal["list"] = "list"
    data: list[ShownDocument]
    has_more: bool


class RemovedDocument(Shown):
    id: UUID
    object: Literal["document"] = "document"
    deleted: Literal[True] = True


@router.post("/v1/documents", status_code=202, openapi_extra=REQUEST_BODY, responses=REPEATED)
async def post_documents(
    request: Request, parts: Parts, caller: Author, idempotency_key: IdempotencyKey = None
) -> AcceptedDocument | AcceptedDocuments:
    """Submit one document or several: 202 means that they will not be lost.

    The same name in the same collection is a new version of the document.
    """
    parts.backlog.check("ingestion", "retrieval")  # before any byte is read
    async with uploads_of(request, parts.settings.max_document_bytes) as uploads:
        accepted = await submit(parts, caller.tenant, uploads, idempotency_key)
    shown = [AcceptedDocument.of(one) for one in accepted]
    return shown[0] if len(shown) == 1 else AcceptedDocuments(data=shown)


@router.get("/v1/documents")
async def list_documents(
    parts: Parts,
    caller: Author,
    collection: str | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: UUID | None = None,
) -> DocumentList:
    """List documents, newest first; removed ones only by `status=removed`."""
    async with snapshot(parts.sessions) as session:
        rows = await documents.page(
            session, caller.tenant, limit + 1, collection=collection, status=status, after=after
        )
    data = [row.shown() for row in rows[:limit]]
    return DocumentList.model_validate({"data": data, "has_more": len(rows) > limit})


@router.get("/v1/documents/{document_id}")
async def get_document(document_id: UUID, parts: Parts, caller: Author) -> ShownDocument:
    """Show one document."""
    async with snapshot(parts.sessions) as session:
        row = await documents.get(session, caller.tenant, document_id)
    if row is None:
        raise NotFound(f"no document {document_id}: see GET /v1/documents")
    return ShownDocument.model_validate(row.shown())


@router.delete("/v1/documents/{document_id}", status_code=202, responses=REPEATED)
async def delete_document(
    document_id: UUID, parts: Parts, caller: Author, idempotency_key: IdempotencyKey = None
) -> RemovedDocument:
    """Take a document out of search."""
    await remove(parts, caller.tenant, document_id, idempotency_key)
    return RemovedDocument(id=document_id)
