"""What must be there before a question is answered: the encoder, the index, and all it holds."""

import asyncio
import logging
from collections import defaultdict
from uuid import UUID

from gyre_retrieval import restoring, store
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.index import PAGE, Index
from gyre_retrieval.indexing import Indexing
from gyre_retrieval.places import point_id
from gyre_retrieval.vectors import to_bytes
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Unavailable

RETRY_S = 2.0
BATCH = 64
log = logging.getLogger(__name__)


class Opening:
    """Opens everything in the background, so that health answers meanwhile."""

    def __init__(
        self, sessions: Sessions, index: Index, encoder: Encoder, indexing: Indexing
    ) -> None:
        self._sessions = sessions
        self._index = index
        self._encoder = encoder
        self._indexing = indexing
        self._task: asyncio.Task[None] | None = None
        self._reason = "loading the encoder"

    def start(self) -> None:
        self._task = asyncio.create_task(self._open())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self) -> None:
        """Return when everything is open."""
        assert self._task is not None, "not started"
        await asyncio.shield(self._task)

    async def check(self) -> str:
        """Return why nothing can be found yet, or an empty text."""
        return self._reason

    async def _open(self) -> None:
        while True:
            try:
                self._reason = "loading the encoder"
                encoder = await self._encoder.load()
                self._reason = "opening the index"
                await self._index.open(encoder.digest, encoder.dimension)
                await self._reencode()
                await self._indexing.clean_up()
                await self._restore()
                self._reason = ""
                return
            except Unavailable as error:
                self._reason = str(error)
                log.warning("not open: %s", error)
            except Exception as error:  # ending would park every document that waits for it
                self._reason = repr(error)
                log.exception("not open")
            await asyncio.sleep(RETRY_S)

    async def _reencode(self) -> None:
        """Give chunks that another encoder embedded a vector of this one."""
        encoder = self._encoder.identity
        while True:
            async with snapshot(self._sessions) as session:
                chunks = await store.chunks_of_others(session, encoder.digest, BATCH)
            if not chunks:
                return
            self._reason = "embedding the documents with another encoder than before"
            vectors = await self._encoder.encode([chunk.encoded_text for chunk in chunks])
            async with transaction(self._sessions) as session:
                for chunk, row in zip(chunks, vectors, strict=True):
                    chunk.encoder, chunk.vector = encoder.digest, to_bytes(row)
                    await session.merge(chunk)

    async def _restore(self) -> None:
        """Let the index hold what the database has vectors of, and nothing else.

        In pages: neither fits into memory where there are millions.
        """
        after = None
        while True:
            points, after = await self._index.page(after)
            await self._drop_unknown(points)
            if after is None:
                break
        count, dimension = 0, self._encoder.identity.dimension
        async for missing in restoring.lacking(self._sessions, self._index):
            self._reason = f"restoring the index: {count} vectors so far"
            await restoring.put(self._sessions, self._index, dimension, missing)
            count += len(missing)
        if count:
            log.info("restored %d vectors", count)

    async def _drop_unknown(self, points: dict[str, tuple[str, UUID]]) -> None:
        """Drop those that no chunk stands behind: a crash left them."""
        # Read now: another replica may have embedded them since. A chunk that is being embedded
        # is a row before it is a point, and has its vector only after that.
        chunks: defaultdict[str, list[UUID]] = defaultdict(list)
        for tenant, chunk_id in points.values():
            chunks[tenant].append(chunk_id)
        known: set[str] = set()
        for tenant, mine in chunks.items():
            for start in range(0, len(mine), PAGE):
                async with snapshot(self._sessions) as session:
                    found = await store.existing(session, tenant, mine[start : start + PAGE])
                known.update(point_id(tenant, chunk_id) for chunk_id in found)
        await self._index.drop(sorted(points.keys() - known))
