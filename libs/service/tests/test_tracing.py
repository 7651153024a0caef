import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest
from grpc import aio
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from gyre_service.rpc import channel
from gyre_service.telemetry import tracer
from gyre_service.tracing import STATUS_CODE, Traced


@asynccontextmanager
async def serving(handler: Any) -> AsyncIterator[Any]:
    server = aio.server()
    method: Any = grpc.unary_unary_rpc_method_handler(handler)
    generic = grpc.method_handlers_generic_handler("test.Test", {"One": method})
    server.add_generic_rpc_handlers([generic])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with channel(f"127.0.0.1:{port}") as peer:
        yield peer.unary_unary("/test.Test/One")
    await server.stop(grace=None)


async def test_a_caller_who_gives_up_ends_the_call_there() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(request: bytes, context: Any) -> bytes:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return b""

    async with serving(hang) as one:
        waiting = asyncio.ensure_future(_await(one(b"")))
        await asyncio.wait_for(started.wait(), 10)
        gc.disable()  # collecting the forgotten call would cancel it too, some time
        try:
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.wait_for(cancelled.wait(), 10)
        finally:
            gc.enable()


async def _await(call: Any) -> Any:
    return await call


async def test_the_trace_goes_with_the_call_and_the_callers_metadata_too() -> None:
    async def tell(request: bytes, context: Any) -> bytes:
        found = dict(context.invocation_metadata())
        return f"{found['traceparent']} {found['gyre-tenant']}".encode()

    async with serving(tell) as one:
        with tracer.start_as_current_span("request") as span:
            said = (await one(b"", metadata=(("gyre-tenant", "acme"),))).decode()

    traceparent, tenant = said.split()
    context = span.get_span_context()
    assert traceparent.split("-")[1] == trace.format_trace_id(context.trace_id)
    assert traceparent.split("-")[2] != trace.format_span_id(context.span_id)
    assert tenant == "acme"


async def _ended(spans: InMemorySpanExporter) -> ReadableSpan:
    async with asyncio.timeout(5):
        while not (found := spans.get_finished_spans()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found[0]


@pytest.mark.parametrize(
    ("code", "status"),
    [(grpc.StatusCode.OK, StatusCode.UNSET), (grpc.StatusCode.UNAVAILABLE, StatusCode.ERROR)],
)
async def test_the_span_of_a_call_says_what_was_called_and_how_it_ended(
    code: grpc.StatusCode, status: StatusCode, spans: InMemorySpanExporter
) -> None:
    async def end(request: bytes, context: Any) -> bytes:
        context.set_code(code)
        return b""

    async with serving(end) as one:
        with suppress(aio.AioRpcError):
            await one(b"")
        span = await _ended(spans)

    expected = {"rpc.service": "test.Test", "rpc.method": "One", STATUS_CODE: code.value[0]}
    assert expected.items() <= dict(span.attributes or {}).items()
    assert span.status.status_code is status


async def test_the_span_of_a_call_that_never_begins_ends(spans: InMemorySpanExporter) -> None:
    async def refuse(*_: Any) -> None:
        raise ValueError("no such channel")

    details = aio.ClientCallDetails("/test.Test/One", None, None, None, None)
    with pytest.raises(ValueError, match="no such channel"):
        await Traced().intercept_unary_unary(refuse, details, b"")

    [span] = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
