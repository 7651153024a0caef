"""Wires the evaluation service together. The only module that builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_evaluation.clients.retrieval import Encoder
from gyre_evaluation.forgetting import forget_old
from gyre_evaluation.handlers import router
from gyre_evaluation.servicer import Servicer
from gyre_evaluation.settings import Settings
from gyre_events import RolloutChanged
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import add_EvaluationServiceServicer_to_server
from gyre_service.blobs import Blobs
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process
from gyre_service.rpc import INFERENCE, channel

SERVICE = "gyre_rpc.evaluation.v1.EvaluationService"


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        rollouts = process.table(RolloutChanged)
        async with (
            channel(settings.retrieval_address) as retrieval,
            channel(settings.inference_address, INFERENCE) as inference,
        ):
            servicer = Servicer(settings, process.sessions, inference)
            process.broker.context.set_global("rollouts", rollouts)
            process.broker.context.set_global("blobs", Blobs(settings.blob_url))
            process.broker.context.set_global(
                "encoder", Encoder(retrieval, settings.embed_timeout_s)
            )
            await rollouts.start()
            try:
                add = partial(add_EvaluationServiceServicer_to_server, servicer)
                forget = partial(forget_old, process.sessions)
                async with (
                    process.serving(add, SERVICE),
                    process.beside(forget, "old", "old scores are no longer forgotten"),
                ):
                    yield
            finally:
                await rollouts.stop()

    not_in_log = "suites that calls brought, and what its runner has measured"
    return make_process(settings, broker, parts, not_in_log)
