"""Traces calls that we make."""

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import aio
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.grpc import aio_client_interceptors
from opentelemetry.trace import SpanKind

from gyre_service.telemetry import tracer


class Traced(aio.UnaryUnaryClientInterceptor):
    """A span a call, which ends with it.

    Not OpenTelemetry's: that one waits for the status before it hands over the call, so that a
    caller who gives up cancels the waiting and leaves the call itself running.
    """

    async def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Any], Awaitable[Any]],
        client_call_details: Any,  # a named tuple, though its types do not say so
        request: Any,
    ) -> Any:
        method = client_call_details.method
        name = method.decode() if isinstance(method, bytes) else method
        span = tracer.start_span(name, kind=SpanKind.CLIENT, attributes={"rpc.system": "grpc"})
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        metadata = aio.Metadata(*(client_call_details.metadata or ()), *headers.items())
        call = await continuation(client_call_details._replace(metadata=metadata), request)
        call.add_done_callback(lambda _: span.end())
        return call


def outgoing() -> list[aio.ClientInterceptor]:
    """Return the interceptors of a channel."""
    _, *others = aio_client_interceptors()  # type: ignore[no-untyped-call]
    return [Traced(), *others]
