"""Wires the feedback service together. The only module that builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_events import FeedbackGiven
from gyre_feedback import retention
from gyre_feedback.handlers import router, take_feedback
from gyre_feedback.settings import Settings
from gyre_service.blobs import Blobs
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process


def make_broker(settings: Settings) -> Broker:
    """Return a broker that also listens to the topics of tenants with producers of their own."""
    broker = Broker(settings)
    broker.include_router(router)
    topics = [f"{FeedbackGiven.topic}.{tenant}" for tenant in settings.ingress_tenants]
    if topics:
        broker.subscriber(*topics)(take_feedback)
    return broker


def make_app(settings: Settings) -> AsgiFastStream:
    broker = make_broker(settings)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        broker.context.set_global("blobs", Blobs(settings.blob_url))
        keep = partial(retention.keep, process.sessions, settings.answer_retention_days)
        async with process.beside(keep, "retention", "retention has ended"):
            yield

    return make_process(settings, broker, parts)
