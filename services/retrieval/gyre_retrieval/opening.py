"""What must be there before a question is answered: the encoder, the index, and all it holds."""

import asyncio
import logging

from gyre_retrieval import restoring, store
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.index import Index
from gyre_retrieval.indexing import Indexing
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
        """Let the index hold what the database has vectors of, and nothing else."""
        async with snapshot(self._sessions) as session:
            wanted = {place.point_id: place for place in await store.places(session)}
        there = await self._index.point_ids()
        await self._drop_unknown(there - wanted.keys())
        missing = [place for point_id, place in wanted.items() if point_id not in there]

        def told(count: int) -> None:
            self._reason = f"restoring the index: {count} of {len(missing)} vectors"

        dimension = self._encoder.identity.dimension
        await restoring.put(self._sessions, self._index, dimension, missing, told)
        if missing:
            log.info("restored %d vectors", len(missing))

    async def _drop_unknown(self, point_ids: set[str]) -> None:
        """Drop those that no chunk stands behind: a crash left them."""
        if not point_ids:
            return
        # Read now: another replica may have embedded them since. A chunk that is being embedded
        # is a row before it is a point, and has its vector only after that.
        async with snapshot(self._sessions) as session:
            known = {place.point_id for place in await store.places(session, embedded=False)}
        await self._index.drop(sorted(point_ids - known))
