"""Traces, logs and metrics of a process, set up in one place."""

import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode

from gyre_service.flood import Flood
from gyre_service.settings import ServiceSettings

tracer = trace.get_tracer("gyre")


def fail(span: Span, reason: str) -> None:
    """Say on a span that it failed: of what error, by its type or its status code."""
    span.set_attribute("error.type", reason)
    span.set_status(StatusCode.ERROR, reason)


@contextmanager
def failing(span: Span, what: type[BaseException] = BaseException) -> Iterator[None]:
    """Say on a span what ends the block inside, if something of that kind does, and let it pass."""
    try:
        yield
    except what as error:
        fail(span, type(error).__name__)
        raise


def configure(settings: ServiceSettings) -> None:
    """Trace, and log one JSON object a line on stderr. Once a process."""
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": f"gyre-{settings.service}", "service.namespace": "gyre"}
        )
    )
    if settings.otlp_endpoint:
        # Costs half a second to import, and most processes export nothing.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    _configure_logs(settings)


def _configure_logs(settings: ServiceSettings) -> None:
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace_id,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Flood("aiokafka"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "faststream"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    for name in ("uvicorn.access", "httpx", "aiokafka"):  # a line a request, a line a rebalance
        logging.getLogger(name).setLevel(logging.WARNING)
    # With the collector away, every attempt of every batch warns; the batch's end is an error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)


def _add_trace_id(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        fields["trace_id"] = trace.format_trace_id(span.trace_id)
        fields["span_id"] = trace.format_span_id(span.span_id)
    return fields


def carried() -> dict[str, str]:
    """Return the current trace as W3C headers, to go on with it later."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def carrying(headers: Mapping[str, str]) -> Iterator[None]:
    """Go on with the trace that `carried` returned."""
    token = context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        context.detach(token)
