"""Spans of records, by the names of OpenTelemetry's messaging conventions (v1.41)."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from faststream import BaseMiddleware
from faststream.kafka.opentelemetry.provider import KafkaTelemetrySettingsProvider
from faststream.kafka.response import KafkaPublishCommand
from faststream.message import StreamMessage
from faststream.opentelemetry.middleware import TelemetryMiddleware
from opentelemetry import trace
from opentelemetry.trace import Span

from gyre_service.telemetry import fail


class Names(KafkaTelemetrySettingsProvider):
    """Says what is known of a record when its span begins; FastStream has older names for it."""

    def __init__(self, group: str) -> None:
        super().__init__()
        self._group = group

    def get_consume_attrs_from_message(self, msg: StreamMessage[Any]) -> dict[str, Any]:
        record = msg.raw_message
        return {
            "messaging.system": self.messaging_system,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": record.topic,
            "messaging.destination.partition.id": str(record.partition),
            "messaging.consumer.group.name": self._group,
            "messaging.kafka.offset": record.offset,
            "messaging.message.body.size": len(msg.body),
            **_of_event(msg.headers),
        }

    def get_publish_attrs_from_cmd(self, cmd: KafkaPublishCommand) -> dict[str, Any]:
        return {
            "messaging.system": self.messaging_system,
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": cmd.destination,
        }


def telemetry(group: str) -> TelemetryMiddleware:
    """Return what begins a span a record, and an attempt."""
    names: Any = Names(group)
    return TelemetryMiddleware(settings_provider_factory=lambda _: names)


class Spans(BaseMiddleware[Any, Any]):
    """Ends the span of each attempt that fails, with its error, and names what is published.

    The retries are around what begins a span, and that ends the last one only. To be put inside
    of that and of what gives an event its envelope.
    """

    _span: Span | None = None  # of this attempt

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        self._span = trace.get_current_span()
        self._span.update_name(f"process {msg.raw_message.topic}")
        try:
            return await call_next(msg)
        except BaseException as error:
            _fail(self._span, error)
            self._span.end()
            raise

    async def publish_scope(self, call_next: Any, cmd: Any) -> Any:
        span = trace.get_current_span()
        span.update_name(f"send {cmd.destination}")
        span.set_attributes(_of_event(cmd.headers))
        return await call_next(cmd)

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool | None:
        if exc_val is not None and self._span is not None and self._span.is_recording():
            _fail(self._span, exc_val)  # a publish, when the handler had returned
        return False


def _fail(span: Span, error: BaseException) -> None:
    span.record_exception(error)
    fail(span, type(error).__qualname__)


def _of_event(headers: Mapping[str, Any]) -> dict[str, str]:
    found = {part: headers.get(f"ce_{part}") for part in ("id", "source", "type")}
    return {f"cloudevents.event_{part}": str(value) for part, value in found.items() if value}
