"""Publishes what a caller is told: an edge answers OK only after Kafka has it."""

from datetime import datetime
from uuid import UUID

from gyre_events import Event
from gyre_service.ids import now
from gyre_service.kafka.broker import Broker
from gyre_service.kafka.cloudevents import envelope, record_key


async def announce(
    broker: Broker, event: Event, tenant: str, id: UUID, time: datetime | None = None
) -> None:
    """Return when Kafka has acknowledged `event`.

    Unlike the outbox it keeps nothing when Kafka is away: the caller tries again, with the
    same `id`, which makes a second copy harmless.

    Raises:
        Unavailable: Not acknowledged within the publish timeout; it may still arrive.
    """
    await broker.publish(
        event.model_dump_json().encode(),
        topic=event.topic,
        key=record_key(tenant, event.key),
        headers=envelope(event, tenant, broker.group, time or now(), id)
        | {"content-type": "application/json"},
        correlation_id=str(id),
    )
