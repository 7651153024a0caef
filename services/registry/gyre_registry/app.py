"""Wires the registry together. The only module that builds things."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_events import Base, RolloutChanged
from gyre_registry.deciding import ensure_routes
from gyre_registry.handlers import router
from gyre_registry.servicer import Servicer
from gyre_registry.settings import Settings
from gyre_registry.watching import watch
from gyre_rpc.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from gyre_service.kafka import Broker, Table
from gyre_service.process import Process, make_process
from gyre_service.rpc import serving

NAME = "gyre_rpc.registry.v1.RegistryService"


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)
    base = Base(name=settings.model_name, digest=settings.model_digest)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        table = Table(settings, RolloutChanged)
        try:
            await table.start()
        finally:  # only the start compares: from here on we are who writes the topic
            await table.stop()
        await ensure_routes(process.sessions, table.rows(), base)
        servicer = Servicer(process.sessions, base, settings.home / "cache" / "adapters")
        add = partial(add_RegistryServiceServicer_to_server, servicer)
        watching = asyncio.create_task(watch(process.sessions, settings.answer_retention_days))

        async def watched() -> str:
            return "nobody looks at the rollouts" if watching.done() else ""

        process.checks["rollouts"] = watched
        try:
            async with serving(settings, add, NAME, process.ready):
                yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    return make_process(settings, broker, parts)
