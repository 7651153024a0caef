"""The only module that builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_retrieval.encoder import Encoder
from gyre_retrieval.handlers import router
from gyre_retrieval.index import Index
from gyre_retrieval.indexing import Indexing
from gyre_retrieval.opening import Opening
from gyre_retrieval.searching import Searcher
from gyre_retrieval.servicer import Servicer
from gyre_retrieval.settings import Settings
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import add_RetrievalServiceServicer_to_server
from gyre_service.errors import Rejected
from gyre_service.kafka import Broker
from gyre_service.kafka.spool import Spool
from gyre_service.process import Process, make_process

NAME = "gyre_rpc.retrieval.v1.RetrievalService"


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        sessions = process.sessions
        if process.replaying and (settings.home / "qdrant").exists():
            raise Rejected(f"{settings.home} has an index already: name another home with --into")
        encoder = Encoder(settings.encoder, settings.encoder_threads)
        index = Index(
            settings.home / "qdrant",
            # A replay begins without a document, and an index drops what no document stands behind.
            "" if process.replaying else settings.qdrant_url,
            settings.qdrant_api_key.get_secret_value(),
            settings.qdrant_timeout_s,
        )
        indexing = Indexing(sessions, index, encoder, settings.embed_batch)
        opening = Opening(sessions, index, encoder, indexing)
        given = {"encoder": encoder, "index": index, "indexing": indexing, "opening": opening}
        for name, part in given.items():
            process.broker.context.set_global(name, part)

        async def check() -> str:
            return await opening.check() or await index.check()

        del process.checks["kafka"]  # search goes on without it, until the spool is full
        process.checks["index"] = check
        spool = Spool(sessions, settings.max_spooled)
        process.checks["spool"] = spool.look
        servicer = Servicer(
            sessions, encoder, Searcher(sessions, index), opening, spool, settings.default_limit
        )
        add = partial(add_RetrievalServiceServicer_to_server, servicer)
        opening.start()
        try:
            async with process.serving(add, NAME):
                yield
        finally:
            await opening.stop()
            await index.close()
            encoder.close()

    return make_process(settings, broker, parts)
