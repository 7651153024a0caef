"""Wires the inference service together. The only module that builds things."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_events import ApiKeyChanged, RolloutChanged
from gyre_inference.access import Access
from gyre_inference.answering import Answerer
from gyre_inference.clients import Retrieval
from gyre_inference.engine import VllmEngine
from gyre_inference.openai_engine import OpenAiEngine
from gyre_inference.pricing import read_prices
from gyre_inference.reconciling import Reconciler, publisher
from gyre_inference.repeats import Answers
from gyre_inference.routes import check_base
from gyre_inference.servicer import Servicer
from gyre_inference.settings import Settings
from gyre_rpc.inference.v1.inference_pb2_grpc import add_InferenceServiceServicer_to_server
from gyre_service.errors import Unavailable
from gyre_service.ids import now
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process
from gyre_service.rpc import INFERENCE, channel
from gyre_service.stopping import stop_process

log = logging.getLogger(__name__)


def make_app(settings: Settings) -> AsgiFastStream:
    """Return the service: its engine loads while everything else starts."""
    broker = Broker(settings)
    prices = read_prices(settings.price_table, settings.model_name, now())

    def changed(tenant: str, rollout: RolloutChanged) -> None:
        try:
            check_base(rollout, settings.model_name, settings.model_digest)
        except Unavailable as error:
            log.error("tenant %s: %s", tenant, error)
        if reconcilers:
            reconcilers[0].changed()

    reconcilers: list[Reconciler] = []

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        made = OpenAiEngine if settings.engine == "openai" else VllmEngine
        engine = made(settings, lost=stop_process)
        running = asyncio.create_task(engine.run())
        reconciling: asyncio.Task[None] | None = None
        rollouts = process.table(RolloutChanged, changed)
        keys = process.table(ApiKeyChanged)
        reconciler = Reconciler(settings, engine, rollouts, publisher(process.sessions, settings))
        reconcilers.append(reconciler)
        answers = Answers(process.sessions, settings)

        async def serve() -> None:
            await engine.forked()  # in a child that it was forked into, gRPC crashes
            async with channel(settings.retrieval_address) as retrieval:
                search = Retrieval(retrieval, settings.search_timeout_s)
                servicer = Servicer(
                    settings,
                    Access(
                        keys,
                        settings.key_pepper.get_secret_value(),
                        settings.service_token.get_secret_value(),
                    ),
                    rollouts,
                    Answerer(engine, search, settings, prices),
                    answers,
                    reconciler,
                )
                add = partial(add_InferenceServiceServicer_to_server, servicer)
                # Not all that makes it ready: with no room in its database it answers.
                async with process.serving(add, INFERENCE, able=lambda: not engine.reason()):
                    await asyncio.Event().wait()

        async def model_loaded() -> str:
            return engine.reason()

        async def model_wanted() -> str:
            for _, rollout in rollouts.rows():
                try:
                    check_base(rollout, settings.model_name, settings.model_digest)
                except Unavailable as error:
                    return str(error)
            return "" if rollouts.rows() else "no route yet: the registry has published none"

        del process.checks["kafka"]  # answers go on without it, until the spool is full
        process.checks |= {
            "engine": model_loaded,
            "route": model_wanted,
            "adapters": reconciler.reason,
            "spool": answers.spool_full,
        }
        try:
            await answers.forget_claims()
            await asyncio.gather(rollouts.start(), keys.start())
            reconciling = asyncio.create_task(reconciler.run())
            reconciling.add_done_callback(_ended)
            async with process.beside(serve, "calls", "calls are not answered any more"):
                yield
        finally:
            running.cancel()
            if reconciling is not None:
                reconciling.cancel()
                # Its session ends before the database.
                await asyncio.gather(reconciling, return_exceptions=True)
            await asyncio.gather(rollouts.stop(), keys.stop(), engine.stop(), answers.close())

    not_in_log = "answers that wait to be told of, which nobody else knows"
    return make_process(settings, broker, parts, not_in_log)


def _ended(reconciling: asyncio.Task[None]) -> None:
    if not reconciling.cancelled():
        stop_process(f"nobody loads adapters any more: {reconciling.exception()!r}")
