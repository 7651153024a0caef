"""What every RPC has in common: its tenant and purpose, its errors, its servers and channels."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from inspect import isawaitable
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from opentelemetry import trace
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from prometheus_client import Histogram

from gyre_events import Purpose
from gyre_service.errors import Rejected, ServiceError, Unavailable
from gyre_service.settings import ServiceSettings
from gyre_service.telemetry import fail
from gyre_service.tracing import STATUS_CODE, outgoing

if TYPE_CHECKING:  # generic for the type checker only
    Method = grpc.RpcMethodHandler[Any, Any]

Context: TypeAlias = "aio.ServicerContext[Any, Any]"
Metadata: TypeAlias = tuple[tuple[str, str], ...]
Add: TypeAlias = Callable[[aio.Server], None]

TENANT = "gyre-tenant"
PURPOSE = "gyre-purpose"
REQUEST_ID = "gyre-request-id"
CONVERSATION_ID = "gyre-conversation-id"
AUTHORIZATION = "authorization"
PARAM = "gyre-param"  # of a call that fails: the field of the request that was wrong
# How long a call need not be tried again (gRPC A6, "Client-side retries", pushback).
PUSHBACK_MS = "grpc-retry-pushback-ms"
MAX_BYTES = 4 * 1024 * 1024
# Loads for long after it has begun to listen, while others of it may answer.
INFERENCE = "gyre_rpc.inference.v1.InferenceService"
# A peer that neither answers nor closes is given up after both: who waits for it hears of it. A
# server refuses idle pings more often than every 300 s by default: both sides are told.
KEEPALIVE_MS, GIVEN_UP_MS = 20_000, 10_000
# By default all calls go to the first address that is there.
IN_TURN: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
DURATION = Histogram(
    "gyre_rpc_duration_seconds",
    "Time to answer an RPC",
    ["method", "code"],
    buckets=[0.01 * 2**doubled for doubled in range(16)],  # to 5 min, as long as an answer may take
)


def calling_for(tenant: str, purpose: Purpose = Purpose.LIVE, **more: str | None) -> Metadata:
    """Return the metadata with which one service calls another.

    Args:
        tenant: For whom.
        purpose: What for.
        more: Further entries, with `_` for `-`; those that are None or empty are left out.
    """
    rest = {name.replace("_", "-"): value for name, value in more.items() if value}
    return tuple({TENANT: tenant, PURPOSE: str(purpose), **rest}.items())


def metadata_of(context: Context, name: str) -> str | None:
    """Return the one value of a metadata entry, or None.

    Raises:
        Rejected: It is there more than once.
    """
    values = [value for key, value in context.invocation_metadata() or () if key == name]
    if len(values) > 1:
        raise Rejected(f"metadata {name} must be there once, not {len(values)} times")
    return str(values[0]) if values else None


def tenant_of(context: Context) -> str:
    """Return whom a call of another service is for.

    Raises:
        Rejected: The metadata does not name exactly one tenant.
    """
    tenant = metadata_of(context, TENANT)
    if not tenant or "/" in tenant:
        raise Rejected(f"metadata {TENANT} must name one tenant")
    return tenant


def purpose_of(context: Context) -> Purpose:
    """Return what a call of another service is for.

    Raises:
        Rejected: It is none that we know.
    """
    value = metadata_of(context, PURPOSE) or Purpose.LIVE
    try:
        return Purpose(value)
    except ValueError as error:
        raise Rejected(f"metadata {PURPOSE} is {value!r}, expected one of {[*Purpose]}") from error


class ErrorStatus(aio.ServerInterceptor):
    """Abort with the error's own code; anything unplanned stays `UNKNOWN`."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Method | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Method | None":
        method = await continuation(handler_call_details)
        if method is None:
            return None
        name = handler_call_details.method
        codec = (method.request_deserializer, method.response_serializer)
        if method.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(_one(method.unary_unary, name), *codec)
        if method.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(_many(method.unary_stream, name), *codec)
        return method  # reflection's client stream raises none of our errors


def _one(inner: Any, name: str) -> Any:
    async def call(request: Any, context: Any) -> Any:
        async with _ending(name, context):
            return await inner(request, context)

    return call


def _many(inner: Any, name: str) -> Any:
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        async with _ending(name, context):
            responses = inner(request, context)
            if isawaitable(responses):  # it writes by itself, as gRPC's own health service does
                await responses
                return
            async for response in responses:
                yield response

    return stream


@asynccontextmanager
async def _ending(name: str, context: Any) -> AsyncIterator[None]:
    """Give a call that fails inside its status, and note how it ended and when."""
    start, code, span = perf_counter(), grpc.StatusCode.OK, trace.get_current_span()
    try:
        yield
    except ServiceError as error:  # of a stream the client keeps what it has
        code = grpc.StatusCode[error.code]
        await context.abort(code, str(error), _trailing(error))
    except aio.AbortError:
        code = context.code()
        raise
    except (asyncio.CancelledError, GeneratorExit):  # the latter where a stream is left
        code = grpc.StatusCode.CANCELLED
        span.set_attribute(STATUS_CODE, code.value[0])
        raise
    except Exception as error:
        code = grpc.StatusCode.UNKNOWN
        span.set_attribute(STATUS_CODE, code.value[0])
        fail(span, type(error).__name__)
        raise
    finally:
        DURATION.labels(name, code.name).observe(perf_counter() - start)


def _trailing(error: ServiceError) -> Metadata:
    known = error.param is not None and error.param.isascii() and error.param.isprintable()
    after_s = error.after_s if isinstance(error, Unavailable) else None
    return (
        *(((PARAM, str(error.param)),) if known else ()),
        *(((PUSHBACK_MS, str(round(after_s * 1000))),) if after_s else ()),
    )


@asynccontextmanager
async def serving(
    settings: ServiceSettings,
    add: Add,
    name: str,
    ready: Callable[[], bool],
    able: Callable[[], bool] | None = None,
) -> AsyncIterator[None]:
    """Serve on the service's gRPC port, with health and reflection, while inside.

    Args:
        settings: Of the service.
        add: Adds the servicer to a server.
        name: The full name of its gRPC service.
        ready: Whether all is as it should be; the health of the process.
        able: Whether calls can be answered, also where not all is; the health of `name`.

    Raises:
        Unavailable: The port is taken.
    """
    server = aio.server(
        interceptors=[aio_server_interceptor(), ErrorStatus()],  # type: ignore[no-untyped-call]
        options=[
            ("grpc.max_receive_message_length", MAX_BYTES),
            *_kept_alive(),
            ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
            ("grpc.so_reuseport", 0),  # else a second process takes half of our calls
        ],
    )
    add(server)
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names: Iterable[str] = (name, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
    if settings.grpc_reflection:
        reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)
    address = f"{settings.host}:{settings.grpc_port}"
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise Unavailable(f"cannot listen on {address}: is GYRE_PORT_BASE taken?") from error
    await server.start()
    watch = asyncio.create_task(_report(health, {"": ready, name: able or ready}))
    try:
        yield
    finally:
        watch.cancel()
        await health.enter_graceful_shutdown()
        await server.stop(grace=20)


def _kept_alive() -> list[tuple[str, int]]:
    return [
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", GIVEN_UP_MS),
        # Beside every ping of its own gRPC has one of 60 s, and waits for that one first.
        ("grpc.http2.ping_timeout_ms", GIVEN_UP_MS),
    ]


async def _report(health: Any, looks: Mapping[str, Callable[[], bool]]) -> None:
    status = health_pb2.HealthCheckResponse
    while True:
        for name, fine in looks.items():
            await health.set(name, status.SERVING if fine() else status.NOT_SERVING)
        await asyncio.sleep(0.5)


def channel(address: str, able: str = "") -> aio.Channel:
    """Return a channel to another service, which need not be there yet.

    Of several addresses (`ipv4:HOST:PORT,HOST:PORT`, or a name that has several) each that is
    there gets its turn.

    Args:
        address: As gRPC resolves it.
        able: The full name of a gRPC service: who says that it cannot answer its calls is asked
            nothing (gRPC A17, "Client-Side Health Checking").
    """
    config = IN_TURN | ({"healthCheckConfig": {"serviceName": able}} if able else {})
    return aio.insecure_channel(
        address,
        interceptors=outgoing(),
        options=[
            ("grpc.max_receive_message_length", MAX_BYTES),
            ("grpc.service_config", json.dumps(config)),
            *_kept_alive(),
            # Who calls while a connection is made waits for it: for 20 s, by default.
            ("grpc.min_reconnect_backoff_ms", GIVEN_UP_MS),
            # A peer that restarts is back in seconds; the default backs off to two minutes.
            ("grpc.max_reconnect_backoff_ms", 2000),
        ],
    )
