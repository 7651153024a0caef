"""Traces calls that we make."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc
from grpc import aio
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.grpc import aio_client_interceptors
from opentelemetry.trace import Span, SpanKind

from gyre_service.telemetry import fail, failing, tracer

STATUS_CODE = "rpc.grpc.status_code"


class Traced(aio.UnaryUnaryClientInterceptor):
    """A span a call, which ends with it.

    Not OpenTelemetry's: that one waits for the status before it hands over the call, so that a
    caller who gives up cancels the waiting and leaves the call itself running.
    """

    def __init__(self) -> None:
        self._ending: set[asyncio.Task[None]] = set()

    async def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Any], Awaitable[Any]],
        client_call_details: Any,  # a named tuple, though its types do not say so
        request: Any,
    ) -> Any:
        method = client_call_details.method
        name = method.decode() if isinstance(method, bytes) else method
        service, _, called = name.removeprefix("/").partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": called}
        span = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        metadata = aio.Metadata(*(client_call_details.metadata or ()), *headers.items())
        try:
            with failing(span):
                call = await continuation(client_call_details._replace(metadata=metadata), request)
        except BaseException:
            span.end()
            raise
        call.add_done_callback(partial(self._end, span))
        return call

    def _end(self, span: Span, call: Any) -> None:
        # The status is there, and still only a coroutine tells it.
        task = asyncio.create_task(_ended(span, call))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _ended(span: Span, call: Any) -> None:
    try:
        code = await call.code()
        span.set_attribute(STATUS_CODE, code.value[0])
        if code is not grpc.StatusCode.OK:
            fail(span, code.name)
    finally:
        span.end()


def outgoing() -> list[aio.ClientInterceptor]:
    """Return the interceptors of a channel."""
    _, *others = aio_client_interceptors()  # type: ignore[no-untyped-call]
    return [Traced(), *others]
