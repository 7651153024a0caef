"""Asks inference and answers the client, whole or as a stream."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from gyre_gateway.access import Caller
from gyre_gateway.asking import Hints, metadata_for
from gyre_gateway.disconnects import unless_gone
from gyre_gateway.errors import KeyReused, ModelNotFound, StillRunning
from gyre_gateway.gateway import Gateway
from gyre_gateway.openai_wire.asking import Asked
from gyre_gateway.openai_wire.styles import Style
from gyre_gateway.showing import choices_of, gyre_of, head_of, headers_of, usage_of
from gyre_gateway.streaming import frames
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.errors import AlreadyExists, Conflict, NotFound, Rejected, ServiceError

EVENT_STREAM = "text/event-stream"
UNBUFFERED = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache"}


async def answer(
    request: Request,
    asked: Asked,
    asking: pb.GenerateRequest,
    hints: Hints,
    caller: Caller,
    gateway: Gateway,
    style: Style,
) -> Response:
    """Answer `asked` in the endpoint's `style`.

    Raises:
        ServiceError: Before the first byte; an error after it is a part of the stream.
    """
    metadata = metadata_for(caller, hints)
    if not asked.stream:
        with _as_asked(asked):
            found = await unless_gone(request, gateway.inference.complete(asking, metadata))
        return _whole(found, style)
    parts = gateway.inference.generate(asking, metadata)
    with _as_asked(asked):
        # The part after `started` too: what fails before the engine answers is still plain HTTP.
        taken = await unless_gone(request, _take(parts, 2))
    if not taken or not taken[0].HasField("started"):
        raise ServiceError("inference did not begin with `started`")
    events = frames(
        taken, parts, style, asked.n or 1, asked.include_usage, gateway.settings.retry_after_s
    )
    headers = UNBUFFERED | headers_of(taken[0].started)
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=headers)


@contextmanager
def _as_asked(asked: Asked) -> Iterator[None]:
    """Say what inference's refusals mean in the client's words."""
    try:
        yield
    except NotFound as error:
        raise ModelNotFound(
            f"the model {asked.model!r} does not exist: {error}", param="model"
        ) from error
    except AlreadyExists as error:
        raise KeyReused(f"this Idempotency-Key was used before: {error}") from error
    except Conflict as error:
        raise StillRunning(f"a request with this Idempotency-Key is running: {error}") from error
    except Rejected as error:
        error.param = asked.name_of(error.param)
        raise


async def _take(parts: AsyncIterator[pb.GenerateResponse], count: int) -> list[pb.GenerateResponse]:
    taken = []
    async for part in parts:
        taken.append(part)
        if len(taken) == count:
            break
    return taken


def _whole(found: pb.CompleteResponse, style: Style) -> Response:
    started, finished = found.started, found.finished
    body = style.whole(
        head_of(started),
        choices_of(finished),
        usage_of(finished),
        gyre_of(started, finished),
    )
    headers = headers_of(started) | {"gyre-engine-ms": str(round(finished.engine_s * 1000))}
    return JSONResponse(body.model_dump(), headers=headers)
