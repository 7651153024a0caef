"""CloudEvents 1.0, Kafka binary mode: the value is the data, headers are the envelope."""

from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Annotated, Any, Self
from uuid import UUID

from aiokafka import TopicPartition
from faststream import BaseMiddleware, ContextRepo
from faststream.message import StreamMessage

from gyre_events import Event
from gyre_service.errors import Rejected
from gyre_service.ids import derived_id
from gyre_service.kafka.given import Given
from gyre_service.kafka.ordering import READ, Place, say
from gyre_service.settings import ServiceSettings
from gyre_service.telemetry import carried

VERSION = "1.0"  # of CloudEvents


@dataclass(frozen=True)
class Received:
    """The envelope of the event being handled, and its place in the log.

    Attributes:
        source: Who says so.
        id: Unique together with `tenant` and `source`; from others, any string.
        time: When it happened, by the clock of whoever began its chain.
        appended: When it came into the log, by the broker's clock, which is one for all: what
            has to have an order or a distance among events of several producers goes by it.
    """

    source: str
    id: str
    time: datetime
    appended: datetime
    correlation_id: str
    tenant: str
    topic: str
    partition: int
    offset: int
    ordinals: Iterator[int] = field(default_factory=count, compare=False, repr=False)

    @property
    def place(self) -> Place:
        return TopicPartition(self.topic, self.partition), self.offset

    @classmethod
    def of(cls, message: StreamMessage[Any]) -> Self:
        """Read the envelope of a consumed message.

        Raises:
            Rejected: A required attribute is missing, the type is not that of the topic, or
                a foreign producer speaks as one of us.
        """
        record, headers = message.raw_message, message.headers
        appended = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        missing = [n for n in ("specversion", "id", "source", "type") if not headers.get(f"ce_{n}")]
        if missing:
            raise Rejected(f"not a CloudEvent: header ce_{missing[0]} is missing or empty")
        if headers["ce_specversion"] != VERSION:
            raise Rejected(f"ce_specversion is {headers['ce_specversion']!r}, expected {VERSION}")
        base, _, owner = record.topic.partition(".")
        if headers["ce_type"] != f"gyre.{base}":
            raise Rejected(f"ce_type is {headers['ce_type']}, expected gyre.{base}")
        # An ingress topic, `<base>.<tenant>`: only its name says who wrote, by its ACL.
        if owner and headers["ce_source"].startswith("/gyre/"):
            raise Rejected(f"ce_source is {headers['ce_source']}: only our own begin with /gyre/")
        tenant = owner or headers.get("ce_tenant") or "default"
        if "/" in tenant:
            raise Rejected(f"ce_tenant is {tenant!r}: a tenant's name has no slash")
        return cls(
            source=headers["ce_source"],
            id=headers["ce_id"],
            time=_time(headers.get("ce_time"), appended),
            appended=appended,
            correlation_id=headers.get("ce_correlationid", headers["ce_id"]),
            tenant=tenant,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )


def _time(said: str | None, appended: datetime) -> datetime:
    """Return `ce_time`, or when the record was appended if the producer said nothing."""
    if said is None:
        return appended
    try:
        time = datetime.fromisoformat(said)
    except ValueError as error:
        raise Rejected(
            f"ce_time is {said!r}, expected RFC 3339, as 2026-01-31T12:00:00Z"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


# What is being handled, for whoever knows no context of the broker's: the outbox.
HANDLED: ContextVar[Received | None] = ContextVar("handled", default=None)

Cause = Annotated[Received, Given("cause")]  # how a handler asks for it


class CloudEvents(BaseMiddleware[Any, Any]):
    """Gives every published event its key and envelope, so that no handler has to."""

    def __init__(
        self,
        msg: Any,
        /,
        *,
        context: ContextRepo,
        settings: ServiceSettings,
        read: MutableMapping[TopicPartition, int],
    ) -> None:
        super().__init__(msg, context=context)
        self.settings = settings
        self.read = read  # how far this process has read, in all its partitions
        self.cause: Received | None = None

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        # Inside the retries: every attempt numbers its events from 0 again.
        self.cause = cause = Received.of(msg)
        self.read.update([cause.place])
        token = HANDLED.set(cause)
        try:
            with self.context.scope("cause", self.cause):
                return await call_next(msg)
        finally:
            HANDLED.reset(token)

    async def publish_scope(self, call_next: Any, cmd: Any) -> Any:
        if isinstance(cmd.body, Event):
            # A returned event passes through the middleware that consumed its cause,
            # `broker.publish` inside a handler through a new one: only the context knows.
            cause = self.cause or self.context.get_local("cause")
            if cause is None:
                raise RuntimeError(
                    f"nothing caused {cmd.body!r}: use the outbox, or `announce` at an edge"
                )
            cmd.key = record_key(cause.tenant, cmd.body.key)
            cmd.add_headers(derived(cmd.body, cause, self.settings.service), override=False)
            cmd.add_headers({READ: say(cause.place, self.read)}, override=False)
            cmd.correlation_id = cause.correlation_id
        # FastStream's telemetry hands on the cause's span; the next hop is this publish's child.
        cmd.add_headers(carried(), override=True)
        return await call_next(cmd)


def record_key(tenant: str, key: bytes) -> bytes:
    """Return the key of a record: a topic has many tenants, and compaction knows only keys."""
    return tenant.encode() + b"/" + key


def derived(event: Event, cause: Received, service: str) -> dict[str, str]:
    """Return the headers of `event`, which follows from `cause`.

    It has the same id and time however often it is published again; the time is
    the cause's, as in Kafka Streams.
    """
    name = (cause.tenant, service, cause.source, cause.id, next(cause.ordinals))
    return {
        **envelope(event, cause.tenant, service, cause.time, derived_id(*name)),
        **chain(cause),
    }


def chain(cause: Received | None) -> dict[str, str]:
    """Return the headers that say what an event follows from; none if it begins a chain."""
    if cause is None:
        return {}
    return {"ce_correlationid": cause.correlation_id, "ce_causationid": cause.id}


def envelope(event: Event, tenant: str, service: str, time: datetime, id: UUID) -> dict[str, str]:
    """Return the headers of an event that nothing caused: it begins a chain.

    `traceparent` is not among them: the telemetry middleware adds it to whatever is published.
    """
    headers = {
        "ce_specversion": VERSION,
        "ce_id": str(id),
        "ce_source": f"/gyre/{service}",
        "ce_type": f"gyre.{event.topic}",
        "ce_time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": event.key.decode(),
        "ce_tenant": tenant,
        "ce_correlationid": str(id),
    }
    if (dataref := getattr(event, "dataref", None)) is not None:
        headers["ce_dataref"] = dataref
    return headers
