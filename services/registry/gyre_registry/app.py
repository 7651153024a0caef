"""Wires the registry together. The only module that builds things."""

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
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process

NAME = "gyre_rpc.registry.v1.RegistryService"


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)
    base = Base(name=settings.model_name, digest=settings.model_digest)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        table = process.table(RolloutChanged)
        try:
            await table.start()
        finally:  # only the start compares: from here on we are who writes the topic
            await table.stop()
        await ensure_routes(process.sessions, table.rows(), base)
        cache = settings.home / "cache" / "adapters"
        servicer = Servicer(process.sessions, base, cache, settings.max_lora_rank)
        add = partial(add_RegistryServiceServicer_to_server, servicer)
        look = partial(watch, process.sessions, settings.answer_retention_days)
        async with (
            process.beside(look, "rollouts", "nobody looks at the rollouts"),
            process.serving(add, NAME),
        ):
            yield

    return make_process(settings, broker, parts, "rollouts, which calls and the clock move too")
