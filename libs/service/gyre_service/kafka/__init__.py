"""Kafka as every service uses it: one broker, one failure policy, one envelope."""

from gyre_service.kafka.broker import Broker, Router
from gyre_service.kafka.cloudevents import Cause, Received
from gyre_service.kafka.edge import announce
from gyre_service.kafka.filters import of
from gyre_service.kafka.given import Given
from gyre_service.kafka.outbox import enqueue, enqueue_alone
from gyre_service.kafka.table import Table

__all__ = [
    "Broker",
    "Cause",
    "Given",
    "Received",
    "Router",
    "Table",
    "announce",
    "enqueue",
    "enqueue_alone",
    "of",
]
