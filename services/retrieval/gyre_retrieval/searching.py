"""Questions in, passages of live versions out."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gyre_retrieval import store
from gyre_retrieval.index import Index
from gyre_retrieval.vectors import Vectors
from gyre_service.database import Sessions, snapshot

OVERFETCH = 2  # for what is in the index and not live: rarely anything


@dataclass(frozen=True)
class Passage:
    """A chunk that may answer a question; `score` is the cosine, -1..1."""

    chunk_id: UUID
    document_id: UUID
    version: int
    document: str
    page: int | None
    text: str
    score: float


class Searcher:
    """Looks in the index, believes the database."""

    def __init__(self, sessions: Sessions, index: Index) -> None:
        self._sessions = sessions
        self._index = index

    async def search(
        self, tenant: str, collection: str, vector: Vectors, limit: int
    ) -> list[Passage]:
        """Return the passages nearest to a question, best first.

        Args:
            tenant: Whose.
            collection: Of documents.
            vector: Of the question, shape `(dimension,)`, unit length.
            limit: How many at most.

        Raises:
            Unavailable: The index or the database is away.
        """
        fetch = limit * OVERFETCH
        while True:
            hits = await self._index.search(tenant, collection, vector, fetch)
            async with snapshot(self._sessions) as session:
                ids = [hit.chunk_id for hit in hits]
                live = await store.live_chunks(session, tenant, collection, ids)
            found = [
                _passage(*live[hit.chunk_id], hit.score) for hit in hits if hit.chunk_id in live
            ]
            if len(found) >= limit or len(hits) < fetch:
                return found[:limit]
            fetch *= 4  # a large version is being indexed or deleted just now


def margin(passages: Sequence[Passage]) -> float | None:
    """Return by how much the best passage is better than the next, or None without two."""
    return passages[0].score - passages[1].score if len(passages) > 1 else None


def _passage(chunk: store.Chunk, version: store.Version, score: float) -> Passage:
    return Passage(
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        version=chunk.version,
        document=version.name,
        page=chunk.page,
        text=chunk.text,
        score=min(max(score, -1.0), 1.0),
    )
