import asyncio

import pytest
from faststream import TestApp
from faststream.kafka import KafkaBroker, TestKafkaBroker

from gyre_retrieval import app as module
from gyre_retrieval.opening import Opening
from gyre_retrieval.settings import Settings

from .conftest import CountingEncoder


async def test_the_service_starts_opens_and_stops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(module, "Encoder", lambda *_: CountingEncoder())
    app = module.make_app(settings.model_copy(update={"grpc_port": unused_tcp_port}))
    assert isinstance(app.broker, KafkaBroker)

    async with TestKafkaBroker(app.broker), TestApp(app):
        opening: Opening = app.broker.context.get("opening")
        async with asyncio.timeout(30):
            await opening.wait()
        assert await opening.check() == ""
