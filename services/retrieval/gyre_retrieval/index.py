"""The one module that knows Qdrant: no call without a tenant, no answer of another one.

Qdrant holds vectors and where they belong, the database everything else: which version of a
document is live, its texts, and the vectors once more, so that an index can always be rebuilt.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from qdrant_client import QdrantClient
from qdrant_client import models as qdrant
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from gyre_retrieval.held import Held
from gyre_retrieval.places import Place
from gyre_retrieval.vectors import Vectors
from gyre_service.errors import Unavailable

T = TypeVar("T")
PAGE = 1000  # points of one call
WHOLE = 2**31  # points of one scroll in local mode, which sorts all of them for each
# Of a server whose key or limits are not as they should be: somebody mends that, not the call.
LATER = frozenset({401, 403, 429})


@dataclass(frozen=True)
class Hit:
    """A chunk near a question; `score` is the cosine, -1..1."""

    chunk_id: UUID
    score: float


class Index:
    """Vectors of all tenants in one Qdrant collection, whose name has the encoder's digest.

    Args:
        folder: Of local mode: one process and, here, one thread.
        url: Of a server instead, if not empty.
        api_key: Of the server.
        timeout_s: Of a call to the server.
    """

    def __init__(self, folder: Path, url: str = "", api_key: str = "", timeout_s: float = 10):
        self._is_local = not url
        self._make = partial(_connect, folder, url, api_key, timeout_s)
        self._pool = ThreadPoolExecutor(1 if self._is_local else 8)
        self._client: Any = None
        self._name = ""
        self._held = Held()  # in local mode

    async def open(self, digest: str, dimension: int) -> None:
        """Connect, and create what is missing.

        Args:
            digest: Of the encoder, hexadecimal: vectors of two are never in one collection.
            dimension: Of its vectors.

        Raises:
            Unavailable: The server is away or refuses the key, or another process has the folder.
        """
        self._name = f"chunks-{digest[:16]}"
        await self._in_thread(self._create, dimension)

    async def close(self) -> None:
        if self._client is not None:
            await self._in_thread(self._client.close)
        self._pool.shutdown(wait=False)

    async def put(self, places: Sequence[Place], vectors: Vectors) -> None:
        """Store chunks. Search does not find them before the database says they are live.

        Args:
            places: One a row.
            vectors: Shape `(len(places), dimension)`.
        """
        await self._in_thread(self._put, places, vectors)

    async def search(self, tenant: str, collection: str, vector: Vectors, limit: int) -> list[Hit]:
        """Return the nearest chunks, best first, of live versions and of others.

        Args:
            tenant: Whose.
            collection: Of documents.
            vector: Of the question, shape `(dimension,)`.
            limit: How many at most.
        """
        look = self._search_locally if self._is_local else self._search
        return await self._in_thread(look, tenant, collection, vector.tolist(), limit)

    async def page(self, after: Any = None) -> tuple[dict[str, tuple[str, UUID]], Any]:
        """Return points, for repair, each with its tenant and chunk, and where the next ones begin.

        The first begin at None, which comes with the last. In local mode all are one page.
        """
        return await self._in_thread(self._page, after)

    async def lacking(self, point_ids: Sequence[str]) -> set[str]:
        """Return those that are no points here, for repair."""
        return set(point_ids) - await self._in_thread(self._there, point_ids)

    async def points_of(self, tenant: str, document_id: UUID) -> set[str]:
        """Return the id of every point of a document, of all its versions."""
        if self._is_local:
            return await self._in_thread(self._held.points_of, tenant, document_id)
        return await self._in_thread(self._points_of, tenant, document_id)

    async def drop(self, point_ids: Sequence[str]) -> None:
        """Delete points that nothing in the database stands behind."""
        if point_ids:
            await self._in_thread(self._drop, list(point_ids))

    async def check(self) -> str:
        """Return why it cannot be used now, or an empty text. Called after `open`."""
        try:
            await self._in_thread(self._client.collection_exists, self._name)
        except Unavailable as error:
            return str(error)
        return ""

    def _put(self, places: Sequence[Place], vectors: Vectors) -> None:
        points = [
            qdrant.PointStruct(
                id=place.point_id,
                vector=row.tolist(),
                payload={
                    "tenant_id": place.tenant,
                    "collection": place.collection,
                    "chunk_id": str(place.chunk_id),
                    "document_id": str(place.document_id),
                    "version": place.version,
                },
            )
            for place, row in zip(places, vectors, strict=True)
        ]
        self._call("upsert", points=points)
        if self._is_local:
            self._held.put(places)

    def _search(self, tenant: str, collection: str, vector: list[float], limit: int) -> list[Hit]:
        found = self._call(
            "query_points",
            query=vector,
            query_filter=_filter(tenant, collection=collection),
            limit=limit,
            with_payload=["chunk_id"],
        )
        return [Hit(UUID(point.payload["chunk_id"]), float(point.score)) for point in found.points]

    def _search_locally(
        self, tenant: str, collection: str, vector: list[float], limit: int
    ) -> list[Hit]:
        mine = self._held.of(tenant, collection)
        fetch = ceil(limit * len(self._held) / len(mine)) if mine else 0
        while fetch:
            found = self._call("query_points", query=vector, limit=fetch, with_payload=False).points
            hits = [Hit(mine[p.id].chunk_id, float(p.score)) for p in found if p.id in mine]
            if len(hits) >= limit or len(found) < fetch:
                return hits[:limit]
            fetch *= 4  # the points of others are nearer
        return []

    def _drop(self, point_ids: list[str]) -> None:
        self._call("delete", points_selector=qdrant.PointIdsList(points=point_ids))
        if self._is_local:
            self._held.drop(point_ids)

    def _there(self, point_ids: Sequence[str]) -> set[str]:
        there: set[str] = set()
        for start in range(0, len(point_ids), PAGE):
            ids = list(point_ids[start : start + PAGE])
            found = self._call("retrieve", ids=ids, with_payload=False, with_vectors=False)
            there.update(str(point.id) for point in found)
        return there

    def _create(self, dimension: int) -> None:
        client = self._client = self._client or self._make()  # a second attempt has the folder
        if not client.collection_exists(self._name):
            client.create_collection(
                self._name,
                vectors_config=qdrant.VectorParams(size=dimension, distance=qdrant.Distance.COSINE),
                # One small graph a tenant, none over all.
                hnsw_config=qdrant.HnswConfigDiff(m=0, payload_m=16),
            )
            if not self._is_local:  # which has no indexes, and warns
                self._index_payload(client)
        if self._is_local:
            self._held = Held()
            points, _ = self._call("scroll", limit=WHOLE, with_vectors=False)
            self._held.put(_place(point.payload) for point in points)

    def _index_payload(self, client: QdrantClient) -> None:
        tenant = qdrant.KeywordIndexParams(type=qdrant.KeywordIndexType.KEYWORD, is_tenant=True)
        client.create_payload_index(self._name, "tenant_id", field_schema=tenant)
        for field in ("collection", "document_id"):
            client.create_payload_index(
                self._name, field, field_schema=qdrant.PayloadSchemaType.KEYWORD
            )

    def _call(self, method: str, **arguments: Any) -> Any:
        return getattr(self._client, method)(self._name, **arguments)

    def _page(self, after: Any) -> tuple[dict[str, tuple[str, UUID]], Any]:
        wanted = ["tenant_id", "chunk_id"]
        points, after = self._call(
            "scroll",
            limit=WHOLE if self._is_local else PAGE,
            offset=after,
            with_vectors=False,
            with_payload=wanted,
        )
        found = {
            str(point.id): (point.payload["tenant_id"], UUID(point.payload["chunk_id"]))
            for point in points
        }
        return found, after

    def _points_of(self, tenant: str, document_id: UUID) -> set[str]:
        ids: set[str] = set()
        after: Any = None
        while True:
            points, after = self._call(
                "scroll",
                scroll_filter=_filter(tenant, document_id=str(document_id)),
                limit=PAGE,
                offset=after,
                with_vectors=False,
                with_payload=False,
            )
            ids.update(str(point.id) for point in points)
            if after is None:
                return ids

    async def _in_thread(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        loop = asyncio.get_running_loop()
        with _translated():
            return await loop.run_in_executor(self._pool, partial(call, *args, **kwargs))


def _connect(folder: Path, url: str, api_key: str, timeout_s: float) -> QdrantClient:
    if url:
        return QdrantClient(url=url, api_key=api_key or None, timeout=max(int(timeout_s), 1))
    folder.mkdir(parents=True, exist_ok=True)
    return QdrantClient(path=str(folder))


def _filter(tenant: str, **fields: str) -> qdrant.Filter:
    conditions = {"tenant_id": tenant, **fields}
    return qdrant.Filter(
        must=[
            qdrant.FieldCondition(key=key, match=qdrant.MatchValue(value=value))
            for key, value in conditions.items()
        ]
    )


def _place(payload: dict[str, Any]) -> Place:
    return Place(
        tenant=payload["tenant_id"],
        chunk_id=UUID(payload["chunk_id"]),
        document_id=UUID(payload["document_id"]),
        version=payload["version"],
        collection=payload["collection"],
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        if (status := error.status_code) is not None and status < 500 and status not in LATER:
            raise  # a call that no attempt can make right: a bug
        raise Unavailable(f"Qdrant: {error}") from error
    except (ResponseHandlingException, ResourceExhaustedResponse) as error:
        raise Unavailable(f"Qdrant: {error}") from error
    except RuntimeError as error:
        if "already accessed" not in str(error):
            raise
        raise Unavailable(f"Qdrant's folder is in use by another process: {error}") from error
