import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio
from opentelemetry import trace

from gyre_service.rpc import channel
from gyre_service.telemetry import tracer


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
