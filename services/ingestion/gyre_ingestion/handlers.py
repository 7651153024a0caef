"""Events in, events out."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from prometheus_client import Counter, Histogram
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import ChunkPrepared, DocumentRejected, DocumentRemoved, DocumentSubmitted
from gyre_ingestion import store
from gyre_ingestion.blobs import Blobs, check
from gyre_ingestion.chunking import Chunk
from gyre_ingestion.sandbox import prepare
from gyre_ingestion.settings import Settings
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Rejected
from gyre_service.ids import derived_id, utc
from gyre_service.kafka import Cause, Given, Received, Router

SessionsOf = Annotated[Sessions, Given("sessions")]
Config = Annotated[Settings, Given("settings")]
BlobFolder = Annotated[Blobs, Given("blobs")]

DOCUMENTS = Counter("gyre_ingestion_documents", "Documents submitted, by outcome", ["outcome"])
READING = Histogram(
    "gyre_ingestion_reading_seconds",
    "Time to read and cut a document",
    buckets=[0.01 * 2**doubled for doubled in range(16)],  # to 5 min
)

router = Router("ingestion")
prepared = router.publisher(ChunkPrepared.topic)
rejected = router.publisher(DocumentRejected.topic)


@router.subscriber(DocumentSubmitted.topic)
async def prepare_document(
    event: DocumentSubmitted,
    cause: Cause,
    sessions: SessionsOf,
    settings: Config,
    blobs: BlobFolder,
) -> None:
    async with snapshot(sessions) as reading:
        found = await store.get_submission(reading, cause)
        known = found is not None or not await _is_news(reading, event, cause)
    if not known:
        # Outside the transaction: it may take half a minute, and others write meanwhile.
        try:
            chunks: list[Chunk] = await _read(event, settings, blobs)
            reason = ""
        except Rejected as error:
            chunks, reason = [], str(error)
        found = await _record(event, cause, sessions, chunks, reason)
    if found is None:
        DOCUMENTS.labels("unchanged").inc()
        return
    if found.reason:
        DOCUMENTS.labels("rejected").inc()
        await rejected.publish(
            DocumentRejected(
                document_id=event.document_id,
                collection=event.collection,
                name=event.name,
                sha256=event.sha256,
                reason=found.reason,
            )
        )
    elif found.version is not None:
        DOCUMENTS.labels("prepared").inc()
        await _publish(cause, sessions, found)


@router.subscriber(DocumentRemoved.topic)
async def remove_document(event: DocumentRemoved, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        document = await store.get_document(session, cause.tenant, event.document_id)
        if not store.is_removed(document, cause.time):
            document.removed_at = cause.time
            session.add(document)
        await store.forget_chunks(session, document, cause.time)


async def _read(event: DocumentSubmitted, settings: Settings, blobs: Blobs) -> list[Chunk]:
    """Return the chunks of a document.

    Raises:
        Rejected: It cannot be had or read; the message is for its sender.
        Unavailable: The blob folder is away.
    """
    if event.size_bytes > settings.max_document_bytes:
        raise Rejected(
            f"the document has {event.size_bytes} bytes, "
            f"at most {settings.max_document_bytes}: split it"
        )
    if event.content is None:
        data = await blobs.read(event.dataref or "", event.sha256)
    else:
        data = event.content
        check(data, event.sha256)
    with READING.time():
        return await prepare(data, event.name, event.media_type, settings)


async def _is_news(session: AsyncSession, event: DocumentSubmitted, cause: Received) -> bool:
    """Tell whether the event changes anything.

    Not the same bytes again, nor what is older than a removal or the newest version. The place,
    the name and the media type count too: a document that moves to another collection is a new
    version, and so is one that is to be read in another way.
    """
    document = await store.get_document(session, cause.tenant, event.document_id)
    if store.is_removed(document, cause.time):
        return False
    newest = await store.get_version(session, cause.tenant, event.document_id, document.version)
    if newest is None or store.is_removed(document, utc(newest.submitted_at)):
        return True
    if cause.time < utc(newest.submitted_at):  # redriven, or from another producer
        return False
    same = (event.sha256, event.collection, event.name)
    if same != (newest.sha256, newest.collection, newest.name):
        return True
    sent_as = await store.get_media_type(session, newest)
    # Read once too often rather than never: a version of the last release may be put right too.
    return sent_as is None or sent_as.media_type != event.media_type


async def _record(
    event: DocumentSubmitted,
    cause: Received,
    sessions: Sessions,
    chunks: Sequence[Chunk],
    reason: str,
) -> store.Submission | None:
    """Keep what became of the event; None if somebody was faster and it changes nothing now."""
    async with transaction(sessions) as session:
        found = await store.get_submission(session, cause)
        if found is not None:
            return found
        if not await _is_news(session, event, cause):
            return None
        found = store.Submission(
            tenant=cause.tenant,
            source=cause.source,
            id=cause.id,
            document_id=event.document_id,
            reason=reason,
        )
        session.add(found)
        if not reason:
            document = await store.get_document(session, cause.tenant, event.document_id)
            await store.forget_chunks(session, document, cause.time)
            document.version += 1
            found.version = document.version
            session.add(document)
            session.add(_version(event, cause, document.version, chunks))
            session.add(
                store.MediaType(
                    tenant=cause.tenant,
                    document_id=event.document_id,
                    version=document.version,
                    media_type=event.media_type,
                )
            )
    return found


def _version(
    event: DocumentSubmitted, cause: Received, version: int, chunks: Sequence[Chunk]
) -> store.Version:
    return store.Version(
        tenant=cause.tenant,
        document_id=event.document_id,
        version=version,
        collection=event.collection,
        name=event.name,
        sha256=event.sha256,
        size_bytes=event.size_bytes,
        chunks=zlib.compress(json.dumps([asdict(chunk) for chunk in chunks]).encode()),
        submitted_at=cause.time,
    )


async def _publish(cause: Received, sessions: Sessions, found: store.Submission) -> None:
    """Publish the chunks of the version an event made, unless a newer one replaced it."""
    assert found.version is not None
    async with snapshot(sessions) as reading:
        version = await store.get_version(reading, cause.tenant, found.document_id, found.version)
    if version is None or not version.chunks:
        return
    chunks = [Chunk(**fields) for fields in json.loads(zlib.decompress(version.chunks))]
    for ordinal, chunk in enumerate(chunks):
        await prepared.publish(
            ChunkPrepared(
                document_id=version.document_id,
                collection=version.collection,
                name=version.name,
                version=version.version,
                sha256=version.sha256,
                chunk_id=derived_id(cause.tenant, version.document_id, version.version, ordinal),
                ordinal=ordinal,
                count=len(chunks),
                text=chunk.text,
                heading=chunk.heading,
                page=chunk.page,
            )
        )
