"""Puts back what the index has lost: all of it at the start, a collection while it is searched."""

from collections.abc import AsyncIterator, Sequence

from gyre_retrieval import store
from gyre_retrieval.index import PAGE, Index
from gyre_retrieval.places import Place
from gyre_retrieval.vectors import from_bytes
from gyre_service.database import Sessions, snapshot, transaction

BATCH = 64


async def restore_collection(
    sessions: Sessions, index: Index, dimension: int, tenant: str, collection: str
) -> int:
    """Return how many vectors of a collection had been lost, and are there again.

    What the index has beside them stays: a chunk that is embedded just now is there before its row
    says so.

    Raises:
        Unavailable: The database or the index is away.
    """
    count = 0
    async for missing in lacking(sessions, index, tenant, collection):
        await put(sessions, index, dimension, missing)
        count += len(missing)
        async with transaction(sessions) as session:
            left = await store.existing(session, tenant, [place.chunk_id for place in missing])
            for gone in {place.document_id for place in missing if place.chunk_id not in left}:
                document = await store.get_document(session, tenant, gone)  # removed meanwhile
                document.unclean = True
                session.add(document)
    return count


async def lacking(
    sessions: Sessions, index: Index, tenant: str = "", collection: str = ""
) -> AsyncIterator[list[Place]]:
    """Yield what the index lacks of a tenant's collection, or of all: a thousand at a time.

    Raises:
        Unavailable: The database or the index is away.
    """
    after: Place | None = None
    while True:
        async with snapshot(sessions) as session:
            page = await store.places(session, after, PAGE, tenant, collection)
        if not page:
            return
        lost = await index.lacking([place.point_id for place in page])
        if missing := [place for place in page if place.point_id in lost]:
            yield missing
        after = page[-1]


async def put(sessions: Sessions, index: Index, dimension: int, missing: Sequence[Place]) -> None:
    """Put vectors of the database into the index.

    Args:
        sessions: Of the database.
        index: To be restored.
        dimension: Of a vector.
        missing: What it lacks.
    """
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        async with snapshot(sessions) as session:
            data = [await store.vector_of(session, p.tenant, p.chunk_id) for p in batch]
        there = [place for place, vector in zip(batch, data, strict=True) if vector]
        if there:
            await index.put(there, from_bytes(b"".join(data), dimension))
