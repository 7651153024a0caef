"""Wires the finetune service together. The only module that builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_finetune import past
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
        if process.replaying:
            broker.include_router(past.router)
        look = partial(fail_overdue, process.sessions, settings.data_grace_s)
        async with process.beside(look, "deadlines", "nobody looks for overdue jobs"):
            yield

    return make_process(settings, broker, parts)
