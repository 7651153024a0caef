"""`python -m gyre_bench.events_bare SERVICE`: a loop of aiokafka around a service's handlers.

What a handler does is the service's own: its transaction, and what it publishes. Around it
stands as little as can be: one record at a time, its events sent, then its offset committed.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from gyre_bench.events_stream import record_of
from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    EmbeddingObserved,
    Event,
    FeedbackGiven,
    RetrainingRequested,
    RolloutChanged,
    VerdictRecorded,
)
from gyre_service.blobs import Blobs
from gyre_service.database import open_database
from gyre_service.kafka import Received, Table
from gyre_service.kafka.cloudevents import derived
from gyre_service.settings import ServiceSettings

Handler = Callable[..., Awaitable[None]]


class Publisher:
    """Stands for FastStream's: the handlers of a module publish through it."""

    producer: AIOKafkaProducer
    cause: Received

    def __init__(self, service: str) -> None:
        self._service = service

    async def publish(self, event: Event) -> None:
        headers = derived(event, self.cause, self._service)
        record = record_of(event, self.cause.tenant, headers)
        await self.producer.send_and_wait(event.topic, **record)


def received(record: ConsumerRecord[bytes, bytes]) -> Received:
    """Return the envelope of a record of `events_stream`, or of one that was made of it."""
    said = {name: value.decode() for name, value in record.headers}
    return Received(
        source=said["ce_source"],
        id=said["ce_id"],
        time=datetime.fromisoformat(said["ce_time"]),
        appended=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        correlation_id=said["ce_correlationid"],
        tenant=said["ce_tenant"],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


def of_feedback(publisher: Publisher) -> dict[type[Event], Handler]:
    from gyre_feedback import handlers as of

    for name in ("recorded", "curated", "frozen"):
        setattr(of, name, publisher)
    return {
        FeedbackGiven: of.take_feedback._original_call,
        AnswerGenerated: of.take_answer._original_call,
        AnswerScored: of.take_scores._original_call,
        RetrainingRequested: of.take_request._original_call,
    }


def of_drift(publisher: Publisher) -> dict[type[Event], Handler]:
    from gyre_drift import handlers as of

    for name in ("detected", "requested", "remedied"):
        setattr(of, name, publisher)
    return {
        EmbeddingObserved: of.observed._original_call,
        AnswerScored: of.scored._original_call,
        VerdictRecorded: of.judged._original_call,
    }


async def handle(service: str, settings: ServiceSettings) -> None:
    """Handle every record that is there and comes, one after another, until ended."""
    servers = settings.kafka_servers
    publisher = Publisher(service)
    # Before the database: it makes the tables of what is imported.
    handlers = of_feedback(publisher) if service == "feedback" else of_drift(publisher)
    by_topic = {event.topic: (event, handler) for event, handler in handlers.items()}
    async with (
        open_database(settings.database_url.get_secret_value()) as sessions,
        AIOKafkaProducer(
            bootstrap_servers=servers, acks="all", enable_idempotence=True
        ) as producer,
    ):
        publisher.producer = producer
        if service == "feedback":
            given: tuple[Any, ...] = (sessions, settings, Blobs(settings.blob_url))
        else:
            rollouts = Table(settings, RolloutChanged)
            await rollouts.start()
            from gyre_drift.desk import Desks
            from gyre_drift.references import References

            given = (sessions, Desks(rollouts, References()))
        async with AIOKafkaConsumer(
            *by_topic,
            bootstrap_servers=servers,
            group_id=service,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        ) as consumer:
            async for record in consumer:
                event, handler = by_topic[record.topic]
                publisher.cause = received(record)
                await handler(event.model_validate_json(record.value), publisher.cause, *given)
                await consumer.commit()


def main() -> None:
    service = sys.argv[1]
    if service == "feedback":
        from gyre_feedback.settings import Settings as OfFeedback

        settings: ServiceSettings = OfFeedback()
    else:
        from gyre_drift.settings import Settings as OfDrift

        settings = OfDrift()
    # The event loop of a service, too.
    anyio.run(handle, service, settings, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
