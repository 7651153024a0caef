from faststream import TestApp
from faststream.kafka import KafkaBroker, TestKafkaBroker

from gyre_ingestion.app import make_app
from gyre_ingestion.settings import Settings


async def test_the_service_starts_and_stops(settings: Settings) -> None:
    app = make_app(settings)
    assert isinstance(app.broker, KafkaBroker)

    async with TestKafkaBroker(app.broker), TestApp(app):
        assert app.broker.context.get("blobs") is not None
