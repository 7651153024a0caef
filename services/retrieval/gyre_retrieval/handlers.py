"""Events in, events out."""

import logging
from typing import Annotated

from prometheus_client import Counter

from gyre_events import (
    ChunkEmbedded,
    ChunkPrepared,
    DocumentIndexed,
    DocumentRemoved,
    RemedyRequested,
)
from gyre_retrieval import restoring, store
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.index import Index
from gyre_retrieval.indexing import Indexing
from gyre_retrieval.opening import Opening
from gyre_retrieval.vectors import from_bytes, to_text
from gyre_service.database import Sessions, snapshot
from gyre_service.kafka import Cause, Given, Router

SessionsOf = Annotated[Sessions, Given("sessions")]
Indexer = Annotated[Indexing, Given("indexing")]
Embedding = Annotated[Encoder, Given("encoder")]
Vectors = Annotated[Index, Given("index")]
Opened = Annotated[Opening, Given("opening")]

BATCH = 64  # chunks of one `chunk-embedded`
CHUNKS = Counter("gyre_retrieval_chunks", "Chunks that arrived")
DOCUMENTS = Counter("gyre_retrieval_documents", "Versions that became searchable")
RESTORED = Counter("gyre_retrieval_restored", "Vectors that the index had lost")

REMEDY = "re-index"
log = logging.getLogger(__name__)

router = Router("retrieval")
indexed = router.publisher(DocumentIndexed.topic)
embedded = router.publisher(ChunkEmbedded.topic)


@router.subscriber(ChunkPrepared.topic)
async def index_chunk(
    event: ChunkPrepared,
    cause: Cause,
    sessions: SessionsOf,
    indexing: Indexer,
    encoder: Embedding,
    opening: Opened,
) -> None:
    await opening.wait()
    version = await indexing.take(event, cause)
    CHUNKS.inc()
    if version is None:
        return
    DOCUMENTS.inc()
    about = {
        "document_id": version.document_id,
        "collection": version.collection,
        "name": version.name,
        "version": version.version,
        "encoder": encoder.identity,
    }
    await indexed.publish(DocumentIndexed(**about, sha256=version.sha256, chunks=version.count))
    async with snapshot(sessions) as session:
        chunks = await store.chunks_of(session, version)  # none if a newer one replaced it
    for start in range(0, len(chunks), BATCH):
        batch = chunks[start : start + BATCH]
        rows = from_bytes(b"".join(c.vector or b"" for c in batch), encoder.identity.dimension)
        ids = tuple(chunk.chunk_id for chunk in batch)
        await embedded.publish(ChunkEmbedded(**about, chunk_ids=ids, vectors=to_text(rows)))


@router.subscriber(DocumentRemoved.topic)
async def remove_document(
    event: DocumentRemoved, cause: Cause, indexing: Indexer, opening: Opened
) -> None:
    await opening.wait()
    await indexing.remove(event, cause)


@router.subscriber(RemedyRequested.topic)
async def restore(
    event: RemedyRequested,
    cause: Cause,
    sessions: SessionsOf,
    index: Vectors,
    indexing: Indexer,
    encoder: Embedding,
    opening: Opened,
) -> None:
    if not event.asks_for(REMEDY):
        return
    await opening.wait()
    dimension = encoder.identity.dimension
    count = await restoring.restore_collection(
        sessions, index, dimension, cause.tenant, event.collection
    )
    await indexing.clean_up()
    RESTORED.inc(count)
    log.info("collection %s: the index had lost %d vectors", event.collection, count)
