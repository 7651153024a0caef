"""The only module that builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.asgi import AsgiFastStream

from gyre_ingestion.blobs import Blobs
from gyre_ingestion.handlers import router
from gyre_ingestion.settings import Settings
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        blobs = Blobs(settings.blob_url, settings.max_document_bytes)
        process.broker.context.set_global("blobs", blobs)
        yield

    return make_process(settings, broker, parts)
