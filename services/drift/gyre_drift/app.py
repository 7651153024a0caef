"""Wires the drift service together. The only module that builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_drift.desk import Desks
from gyre_drift.handlers import router
from gyre_drift.references import References
from gyre_drift.servicer import Servicer
from gyre_drift.settings import Settings
from gyre_events import RolloutChanged
from gyre_rpc.drift.v1.drift_pb2_grpc import add_DriftServiceServicer_to_server
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process
from gyre_service.seen import forget_old

NAME = "gyre_rpc.drift.v1.DriftService"


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        rollouts = process.table(RolloutChanged)
        await rollouts.start()
        references = References(settings.references_at_hand)
        process.broker.context.set_global("desks", Desks(rollouts, references))
        try:
            add = partial(
                add_DriftServiceServicer_to_server, Servicer(process.sessions, rollouts, references)
            )
            forget = partial(forget_old, process.sessions)
            async with (
                process.serving(add, NAME),
                process.beside(forget, "seen", "what was seen long ago is no longer forgotten"),
            ):
                yield
        finally:
            await rollouts.stop()

    return make_process(settings, broker, parts)
