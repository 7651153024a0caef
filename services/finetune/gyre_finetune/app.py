"""Wires the finetune service together. The only module that builds things."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.asgi import AsgiFastStream

from gyre_finetune.failing import fail_overdue
from gyre_finetune.handlers import router
from gyre_finetune.settings import Settings
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        looking = asyncio.create_task(fail_overdue(process.sessions, settings.data_grace_s))

        async def looks() -> str:
            return "nobody looks for overdue jobs" if looking.done() else ""

        process.checks["deadlines"] = looks
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    return make_process(settings, broker, parts)
