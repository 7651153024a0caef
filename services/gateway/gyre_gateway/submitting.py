"""A document's way in: bytes first, then Kafka, then what lists show."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gyre_events import DocumentRemoved, DocumentSubmitted
from gyre_gateway.gateway import Gateway
from gyre_gateway.repeating import event_id
from gyre_gateway.store import changes, documents
from gyre_gateway.uploads import Upload
from gyre_service.database import snapshot, transaction
from gyre_service.errors import NotFound
from gyre_service.ids import derived_id, now


@dataclass(frozen=True)
class Accepted:
    """What became of one upload: `submitted`, or `unchanged` if search has these bytes, so read."""

    document_id: UUID
    upload: Upload
    status: str


def document_id(tenant: str, collection: str, name: str) -> UUID:
    """Return the id of a document: the same name in the same collection is a new version."""
    return derived_id(tenant, collection, name)


async def submit(
    gateway: Gateway, tenant: str, uploads: Sequence[Upload], key: str | None
) -> list[Accepted]:
    """Publish `uploads`; return when Kafka has all of them.

    Raises:
        Unavailable: Not all were acknowledged. Send all again, under the same key.
        KeyReused: The key came with other documents.
    """
    earlier = [(upload.collection, upload.name, upload.sha256) for upload in uploads]
    body = [(*one, upload.media_type) for one, upload in zip(earlier, uploads, strict=True)]
    request_id = await event_id(gateway.sessions, tenant, "documents", key, body, earlier)
    return [await _submit(gateway, tenant, upload, request_id) for upload in uploads]


async def _submit(gateway: Gateway, tenant: str, upload: Upload, request_id: UUID) -> Accepted:
    id = document_id(tenant, upload.collection, upload.name)
    async with snapshot(gateway.sessions) as session:
        row = await documents.get(session, tenant, id)
    is_known = row is not None and row.is_searchable_as(upload.sha256)
    if row is not None and is_known and row.media_type == upload.media_type:
        return Accepted(id, upload, "unchanged")
    event = await _event(gateway, id, upload)
    time = documents.next_time(row, now())
    await gateway.announce(event, tenant, derived_id(request_id, id), time)
    await _record(gateway, tenant, event, time)
    return Accepted(id, upload, "submitted")


async def _event(gateway: Gateway, id: UUID, upload: Upload) -> DocumentSubmitted:
    fields: dict[str, object] = {
        "document_id": id,
        "collection": upload.collection,
        "name": upload.name,
        "media_type": upload.media_type,
        "sha256": upload.sha256,
        "size_bytes": upload.size_bytes,
    }
    if upload.size_bytes > gateway.settings.inline_bytes:
        fields["dataref"] = await gateway.blobs.put(upload.file, upload.sha256)
        return DocumentSubmitted.model_validate(fields)
    upload.file.seek(0)
    content = base64.b64encode(upload.file.read())
    return DocumentSubmitted.model_validate(fields | {"content": content})


async def remove(gateway: Gateway, tenant: str, id: UUID, key: str | None) -> None:
    """Publish that a document is to go; return when Kafka has it.

    Raises:
        NotFound: The tenant has no such document.
        Unavailable: Not acknowledged.
    """
    async with snapshot(gateway.sessions) as session:
        row = await documents.get(session, tenant, id)
    if row is None:
        raise NotFound(f"no document {id}: see GET /v1/documents")
    request_id = await event_id(gateway.sessions, tenant, "removals", key, str(id))
    event = DocumentRemoved(document_id=id, collection=row.collection, name=row.name)
    time = documents.next_time(row, now())
    await gateway.announce(event, tenant, request_id, time)
    await _record(gateway, tenant, event, time)


async def _record(gateway: Gateway, tenant: str, event: documents.Known, time: datetime) -> None:
    """Show it at once. Our own event comes back as well, and finds the row."""
    async with transaction(gateway.sessions) as session:
        row = await documents.apply(session, tenant, event, time)
        if row is not None:
            changes.note(session, tenant, "document", row.shown())
