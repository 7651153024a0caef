"""Puts back what the index has lost: all of it at the start, a collection while it is searched."""

from collections.abc import Callable, Sequence

from gyre_retrieval import store
from gyre_retrieval.index import Index
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
    missing = await _missing(sessions, index, tenant, collection)
    await put(sessions, index, dimension, missing)
    async with transaction(sessions) as session:
        left = {place.point_id for place in await store.places(session, tenant, collection)}
        for gone in {place.document_id for place in missing if place.point_id not in left}:
            document = await store.get_document(session, tenant, gone)  # removed meanwhile
            document.unclean = True
            session.add(document)
    return len(missing)


async def put(
    sessions: Sessions,
    index: Index,
    dimension: int,
    missing: Sequence[Place],
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Put vectors of the database into the index.

    Args:
        sessions: Of the database.
        index: To be restored.
        dimension: Of a vector.
        missing: What it lacks.
        told: Called with how many are there, before each batch.
    """
    for start in range(0, len(missing), BATCH):
        told(start)
        batch = missing[start : start + BATCH]
        async with snapshot(sessions) as session:
            data = [await store.vector_of(session, p.tenant, p.chunk_id) for p in batch]
        there = [place for place, vector in zip(batch, data, strict=True) if vector]
        if there:
            await index.put(there, from_bytes(b"".join(data), dimension))


async def _missing(sessions: Sessions, index: Index, tenant: str, collection: str) -> list[Place]:
    async with snapshot(sessions) as session:
        wanted = await store.places(session, tenant, collection)
    lost = await index.lacking([place.point_id for place in wanted])
    return [place for place in wanted if place.point_id in lost]
