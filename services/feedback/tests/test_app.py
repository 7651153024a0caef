from pathlib import Path
from typing import Any, cast

from faststream import AckPolicy, TestApp
from faststream.kafka import TestKafkaBroker

from gyre_feedback.app import make_app, make_broker
from gyre_feedback.settings import Settings
from gyre_service.kafka import Broker


async def test_the_service_starts_and_stops(tmp_path: Path) -> None:
    app = make_app(Settings(home=tmp_path))

    broker = cast("Broker", app.broker)
    async with TestKafkaBroker(broker), TestApp(app):
        assert broker.context.get("blobs") is not None
        assert (tmp_path / "data" / "feedback.db").exists()


def test_ingress_topics_are_read_as_carefully_as_our_own() -> None:
    broker = make_broker(Settings(ingress_tenants=("acme", "umbrella")))

    topics: dict[str, Any] = {
        topic.name: subscriber
        for subscriber in cast("list[Any]", broker.subscribers)
        for topic in subscriber.topics
    }

    assert set(topics) == {
        "feedback-given",
        "answer-generated",
        "answer-scored",
        "retraining-requested",
        "feedback-given.acme",
        "feedback-given.umbrella",
    }
    for subscriber in topics.values():
        assert subscriber.group_id == "feedback"
        assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
