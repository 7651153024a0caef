"""An answer as server-sent events, in the order OpenAI's clients expect."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from gyre_gateway.openai_wire.answering import Head
from gyre_gateway.openai_wire.errors import problem_of
from gyre_gateway.openai_wire.styles import Style
from gyre_gateway.showing import choices_of, gyre_of, head_of, said_in, usage_of
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.errors import ServiceError

DONE = "data: [DONE]\n\n"


def frame(data: dict[str, Any]) -> str:
    r"""Return one event.

    >>> frame({"a": 1})
    'data: {"a": 1}\n\n'
    """
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


async def frames(
    taken: list[pb.GenerateResponse],
    rest: AsyncIterator[pb.GenerateResponse],
    style: Style,
    n: int,
    include_usage: bool,
    retry_after_s: int,
) -> AsyncIterator[str]:
    """Yield the events of one answer, as its parts come.

    Args:
        taken: The parts that are here already, `started` first.
        rest: The others. Closed at the end, which ends the engine's work.
        style: Of the endpoint.
        n: How many choices there are.
        include_usage: Every chunk has `usage`, null but in the last of all.
        retry_after_s: Of errors.
    """
    started = taken[0].started
    head = head_of(started)
    extra: dict[str, Any] = {"usage": None} if include_usage else {}
    async with aclosing(cast(Any, rest)):
        try:
            for index in range(n):
                if (opening := style.first(head, index)) is not None:
                    yield frame(opening | extra)
            async for part in _all(taken[1:], rest):
                if part.HasField("delta"):
                    yield frame(style.delta(head, said_in(part)) | extra)
                elif part.HasField("finished"):
                    for event in _ending(head, started, part.finished, style, include_usage):
                        yield frame(event)
                    yield DONE
                    return
            raise ServiceError("inference ended without `finished`")
        except ServiceError as error:  # the status is sent: the client's library raises this
            yield frame(problem_of(error, retry_after_s).body)


async def _all(
    taken: list[pb.GenerateResponse], rest: AsyncIterator[pb.GenerateResponse]
) -> AsyncIterator[pb.GenerateResponse]:
    for part in taken:
        yield part
    async for part in rest:
        yield part


def _ending(
    head: Head, started: pb.Started, finished: pb.Finished, style: Style, include_usage: bool
) -> list[dict[str, Any]]:
    extra: dict[str, Any] = {"usage": None} if include_usage else {}
    ends = [style.last(head, said.index, said.reason) | extra for said in choices_of(finished)]
    ends[-1] |= {"gyre": gyre_of(started, finished).model_dump()}
    if include_usage:
        ends.append(style.after(head) | {"usage": usage_of(finished).model_dump()})
    return ends
