"""How the chunks of a version become findable: all of them, in one step, once they are all there.

A chunk is a row first. Rows get vectors in batches, as they come, so that no handler works for
long; the chunk that makes the version whole embeds the rest and makes it live. The database says
what is live: vectors in the index alone are never shown, and are deleted after the fact.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import ChunkPrepared, DocumentRemoved
from gyre_retrieval import store
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.index import Index
from gyre_retrieval.places import Place
from gyre_retrieval.vectors import to_bytes
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.kafka import Received


class Indexing:
    """What the handlers do, without Kafka."""

    def __init__(self, sessions: Sessions, index: Index, encoder: Encoder, batch: int) -> None:
        self._sessions = sessions
        self._index = index
        self._encoder = encoder
        self._batch = batch

    async def take(self, event: ChunkPrepared, cause: Received) -> store.Version | None:
        """Keep a chunk; embed what waits if that is a batch, or all.

        Every step is found done when the event comes again, after a crash at any point.

        Returns:
            The version that this event made whole, now or when it came before; else None.

        Raises:
            Unavailable: The database, the index or the encoder is away.
        """
        async with transaction(self._sessions) as session:
            version = await _arrive(session, event, cause)
            if version is None:
                return None
            done = bool(version.completed_by)
            arrived = 0 if done else await store.count_chunks(session, version)
            waiting = [] if done else await store.unembedded(session, version)
        is_whole = arrived == version.count
        if is_whole or len(waiting) >= self._batch:
            for start in range(0, len(waiting), self._batch):
                await self._embed(version, waiting[start : start + self._batch])
        if is_whole:
            done = await self._complete(version, cause)
        if not done or version.completed_by != _name(cause):
            return None
        await self._clean(cause.tenant, event.document_id)
        return version

    async def remove(self, event: DocumentRemoved, cause: Received) -> None:
        """Delete all that was submitted before the removal, and remember it for late chunks."""
        async with transaction(self._sessions) as session:
            document = await store.get_document(session, cause.tenant, event.document_id)
            if not store.is_removed(document, cause.time):
                document.removed_at = cause.time
            versions = await store.versions_of(session, cause.tenant, event.document_id)
            gone = [v.version for v in versions if store.is_removed(document, v.submitted_at)]
            if document.live_version in gone:
                document.live_version = None
            document.unclean = True
            session.add(document)
            await store.forget_versions(session, cause.tenant, event.document_id, gone)
        await self._clean(cause.tenant, event.document_id)

    async def clean_up(self) -> None:
        """Finish what a crash left between the database and the index."""
        async with snapshot(self._sessions) as session:
            documents = await store.unclean_documents(session)
        for document in documents:
            await self._clean(document.tenant, document.document_id)

    async def _embed(self, version: store.Version, chunks: Sequence[store.Chunk]) -> None:
        tenant, document_id = version.tenant, version.document_id
        vectors = await self._encoder.encode([chunk.encoded_text for chunk in chunks], tenant)
        await self._index.put([place_of(chunk, version) for chunk in chunks], vectors)
        async with transaction(self._sessions) as session:
            for chunk, row in zip(chunks, vectors, strict=True):
                found = await session.get(store.Chunk, (tenant, chunk.chunk_id))
                if found is not None:
                    found.vector = to_bytes(row)
                    found.encoder = self._encoder.identity.digest
                    session.add(found)
                else:  # removed meanwhile, perhaps before the vectors came
                    document = await store.get_document(session, tenant, document_id)
                    document.unclean = True
                    session.add(document)
        await self._clean(tenant, document_id)

    async def _complete(self, version: store.Version, cause: Received) -> bool:
        """Make a version live, unless a removal or a newer one came in between."""
        tenant, document_id = version.tenant, version.document_id
        async with transaction(self._sessions) as session:
            document = await store.get_document(session, tenant, document_id)
            row = await store.get_version(session, tenant, document_id, version.version)
            is_old = (document.live_version or 0) > version.version
            if row is not None and not is_old:
                row.completed_by = version.completed_by = _name(cause)
                session.add(row)
                document.live_version = version.version
                others = await store.versions_of(session, tenant, document_id)
                older = [v.version for v in others if v.version < version.version]
                await store.forget_versions(session, tenant, document_id, older)
                document.unclean = document.unclean or bool(older)
            else:
                document.unclean = True
            session.add(document)
        if row is None or is_old:
            await self._clean(tenant, document_id)
            return False
        return True

    async def _clean(self, tenant: str, document_id: UUID) -> None:
        """Delete the vectors of versions that the database no longer has."""
        async with snapshot(self._sessions) as session:
            document = await store.get_document(session, tenant, document_id)
            if not document.unclean:
                return
            live = document.live_version
        there = await self._index.points_of(tenant, document_id)
        # Read after them: a version that is arriving meanwhile has its rows before its points.
        async with snapshot(self._sessions) as session:
            known = await store.point_ids_of(session, tenant, document_id)
        await self._index.drop(sorted(there - known))
        async with transaction(self._sessions) as session:
            document = await store.get_document(session, tenant, document_id)
            document.unclean = document.live_version != live
            session.add(document)


def place_of(chunk: store.Chunk, version: store.Version) -> Place:
    return Place(
        tenant=chunk.tenant,
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        version=chunk.version,
        collection=version.collection,
    )


def _name(cause: Received) -> str:
    return f"{cause.source} {cause.id}"


async def _arrive(
    session: AsyncSession, event: ChunkPrepared, cause: Received
) -> store.Version | None:
    """Write down a chunk; None if it comes too late to matter."""
    tenant, document_id = cause.tenant, event.document_id
    document = await store.get_document(session, tenant, document_id)
    if store.is_removed(document, cause.time):
        return None
    version = await store.get_version(session, tenant, document_id, event.version)
    if (document.live_version or 0) > event.version or (version and version.completed_by):
        return version
    session.add(document)
    if version is None:
        version = store.Version(
            tenant=tenant,
            submitted_at=cause.time,
            **event.model_dump(
                include={"document_id", "version", "collection", "name", "sha256", "count"}
            ),
        )
        session.add(version)
    await store.add_chunk(session, tenant, event)
    return version
