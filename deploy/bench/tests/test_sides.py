"""The clients that everything is measured with, against servers that answer at once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from grpc import aio

from gyre_bench.endpoint import application
from gyre_bench.errors import BenchError
from gyre_bench.questions import PLAIN, Asked, Question, Questions
from gyre_bench.sides import Grpc, OpenAi, connected, to_endpoint
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import (
    InferenceServiceServicer,
    add_InferenceServiceServicer_to_server,
)

from .engines import Said

LAMP = Question("Which colour is the lamp?")
ASKED = Asked(LAMP, "Whole 00001.", retrieval=False, max_tokens=8)
QUESTIONS = Questions({}, {PLAIN: "Be short."}, {PLAIN: (LAMP,)})
FINISHED = pb.Finished(
    engine_s=0.001, usage=pb.Usage(prompt_tokens=12, completion_tokens=3), answer="Blue sky"
)


class Inference(InferenceServiceServicer):
    """Says that it needed a millisecond of the engine."""

    def __init__(self) -> None:
        self.asked: list[tuple[pb.GenerateRequest, dict[str, Any]]] = []

    async def Complete(self, request: pb.CompleteRequest, context: Any) -> pb.CompleteResponse:
        self.asked.append((request.request, dict(context.invocation_metadata())))
        return pb.CompleteResponse(finished=FINISHED)

    async def Generate(
        self, request: pb.GenerateRequest, context: Any
    ) -> AsyncIterator[pb.GenerateResponse]:
        yield pb.GenerateResponse(started=pb.Started())
        yield pb.GenerateResponse(delta="Blue")
        yield pb.GenerateResponse(finished=FINISHED)


@pytest.fixture
async def inference() -> AsyncIterator[tuple[Grpc, Inference]]:
    servicer, server = Inference(), aio.server()
    add_InferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Grpc(channel, "bench-grpc"), servicer
    await server.stop(None)


@pytest.fixture
async def endpoint() -> AsyncIterator[OpenAi]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(
            uvicorn.Config(application(Said(), "reference"), log_level="warning", lifespan="off")
        )
        serving = asyncio.create_task(server.serve([listening]))
        async with connected(url) as http:
            yield OpenAi(http, to_endpoint("reference", QUESTIONS))
        server.should_exit = True
        await serving


async def test_inference_is_asked_for_the_model_alone(inference: tuple[Grpc, Inference]) -> None:
    side, servicer = inference

    sample = await side.whole(ASKED)

    [(request, metadata)] = servicer.asked
    assert (request.route, request.retrieval) == (PLAIN, pb.RETRIEVAL_OFF)
    assert [message.content for message in request.messages] == [ASKED.mark, LAMP.text]
    assert metadata["authorization"] == "Bearer bench-grpc"
    assert (sample.prompt_tokens, sample.completion_tokens) == (12, 3)
    assert sample.engine_s == 0.001
    assert sample.added_s == pytest.approx(sample.wall_s - 0.001)


async def test_a_stream_of_inference_is_timed_to_its_first_text(
    inference: tuple[Grpc, Inference],
) -> None:
    sample = await inference[0].streamed(ASKED)

    assert sample.first_s is not None
    assert 0 < sample.first_s < sample.wall_s
    assert (sample.prompt_tokens, sample.completion_tokens) == (12, 3)


async def test_http_is_asked_whole_and_as_a_stream(endpoint: OpenAi) -> None:
    whole, streamed = await endpoint.whole(ASKED), await endpoint.streamed(ASKED)

    # One letter is one token there: the route's prompt, the mark and the question.
    letters = len("Be short.\n\nWhole 00001.") + len(LAMP.text)
    assert whole.prompt_tokens == streamed.prompt_tokens == letters
    assert whole.completion_tokens == streamed.completion_tokens == 3
    assert whole.engine_s is not None
    assert 0 <= whole.engine_s < whole.wall_s
    assert streamed.first_s is not None
    assert 0 < streamed.first_s < streamed.wall_s


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_what_http_refuses_is_an_error_with_its_status(endpoint: OpenAi, way: str) -> None:
    lost = OpenAi(endpoint._http, lambda asked: {"messages": "none"})

    with pytest.raises(BenchError, match="HTTP 500"):
        await getattr(lost, way)(ASKED)
