"""The sides that are asked over a network: `inference` by gRPC, and what speaks OpenAI's HTTP."""

import json
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

import aiohttp
from grpc import aio

from gyre_bench.errors import BenchError
from gyre_bench.figures import Sample
from gyre_bench.questions import Asked, Questions, route_of
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub

DEADLINE_S = 300
KEPT_S = 2.0
ENGINE_MS = "gyre-engine-ms"
ENGINE_MS_HEADERS = (ENGINE_MS, f"llm_provider-{ENGINE_MS}")  # the second is LiteLLM's name of it

Body = Callable[[Asked], dict[str, Any]]


class Sided(Protocol):
    """Somebody who answers."""

    async def streamed(self, asked: Asked) -> Sample: ...
    async def whole(self, asked: Asked) -> Sample: ...


def connected(url: str, key: str = "none") -> aiohttp.ClientSession:
    """Return HTTP to a server, with as many connections as there are questions at once."""
    # A server lets go of a quiet connection after 5 s; we do before, or one would be lost in use.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S)
    headers = {"Authorization": f"Bearer {key}"}
    return aiohttp.ClientSession(url, headers=headers, connector=connector)


def request_of(asked: Asked) -> pb.GenerateRequest:
    return pb.GenerateRequest(
        route=route_of(asked.retrieval),
        messages=[
            pb.Message(role="system", content=asked.mark),
            pb.Message(role="user", content=asked.question.text),
        ],
        sampling=pb.Sampling(temperature=0, max_tokens=asked.max_tokens),
        retrieval=pb.RETRIEVAL_ON if asked.retrieval else pb.RETRIEVAL_OFF,
    )


class Grpc:
    """`inference`.

    Args:
        channel: To it.
        key: Of the tenant that asks.
    """

    def __init__(self, channel: aio.Channel, key: str) -> None:
        self._stub = InferenceServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {key}"),)

    async def complete(self, asked: Asked) -> pb.CompleteResponse:
        return await self.ask(request_of(asked))

    async def ask(self, request: pb.GenerateRequest) -> pb.CompleteResponse:
        return await self._stub.Complete(
            pb.CompleteRequest(request=request),
            metadata=self._metadata,
            timeout=DEADLINE_S,
        )

    async def whole(self, asked: Asked) -> Sample:
        begin = perf_counter()
        response = await self.complete(asked)
        wall_s = perf_counter() - begin
        usage = response.finished.usage
        return Sample(
            wall_s,
            usage.prompt_tokens,
            usage.completion_tokens,
            engine_s=response.finished.engine_s,
        )

    async def streamed(self, asked: Asked) -> Sample:
        first_s, usage = None, pb.Usage()
        begin = perf_counter()
        parts = self._stub.Generate(request_of(asked), metadata=self._metadata, timeout=DEADLINE_S)
        async for part in parts:
            if part.delta and first_s is None:
                first_s = perf_counter() - begin
            elif part.HasField("finished"):
                usage = part.finished.usage
        wall_s = perf_counter() - begin
        return Sample(wall_s, usage.prompt_tokens, usage.completion_tokens, first_s)


class OpenAi:
    """Whatever answers `/v1/chat/completions`.

    Args:
        http: With the address and the key.
        body: What is sent for a request.
    """

    def __init__(self, http: aiohttp.ClientSession, body: Body) -> None:
        self._http = http
        self._body = body

    async def whole(self, asked: Asked) -> Sample:
        body = self._body(asked)
        begin = perf_counter()
        async with self._http.post("/v1/chat/completions", json=body) as response:
            read = await response.read()
        wall_s = perf_counter() - begin
        _check(response.status, read)
        usage = json.loads(read)["usage"]
        return Sample(
            wall_s,
            usage["prompt_tokens"],
            usage["completion_tokens"],
            engine_s=engine_s(response.headers),
        )

    async def streamed(self, asked: Asked) -> Sample:
        body = self._body(asked) | {"stream": True, "stream_options": {"include_usage": True}}
        first_s, usage = None, None
        begin = perf_counter()
        async with self._http.post("/v1/chat/completions", json=body) as response:
            if response.status != 200:
                _check(response.status, await response.read())
            async for line in response.content:
                chunk = chunk_of(line)
                if first_s is None and says_something(chunk):
                    first_s = perf_counter() - begin
                usage = chunk.get("usage") or usage
        wall_s = perf_counter() - begin
        if usage is None:
            raise BenchError("a stream ended without `usage`")
        return Sample(wall_s, usage["prompt_tokens"], usage["completion_tokens"], first_s)


def _check(status: int, body: bytes) -> None:
    if status != 200:
        raise BenchError(f"HTTP {status}: {body[:300].decode(errors='replace')}")


def engine_s(headers: Mapping[str, str]) -> float:
    """Return the engine's own time of a request.

    Raises:
        BenchError: It is not said.
    """
    for name in ENGINE_MS_HEADERS:
        if name in headers:
            return float(headers[name]) / 1000
    raise BenchError(f"an answer without the header {ENGINE_MS}")


def chunk_of(line: bytes) -> dict[str, Any]:
    r"""Return what a line of an event stream holds; nothing where it is empty or the end.

    >>> chunk_of(b'data: {"usage": null}\n'), chunk_of(b"data: [DONE]\n"), chunk_of(b"\n")
    ({'usage': None}, {}, {})

    Raises:
        BenchError: It is an error.
    """
    if not line.startswith(b"data: {"):
        return {}
    chunk: dict[str, Any] = json.loads(line[len(b"data: ") :])
    if "error" in chunk:
        raise BenchError(f"a stream broke off: {chunk['error']}")
    return chunk


def says_something(chunk: Mapping[str, Any]) -> bool:
    """Say whether a chunk has text; the first one has only a role."""
    return any(choice.get("delta", {}).get("content") for choice in chunk.get("choices", ()))


def to_gateway(asked: Asked) -> dict[str, Any]:
    return {
        "model": f"gyre/{route_of(asked.retrieval)}",
        "messages": [
            {"role": "system", "content": asked.mark},
            {"role": "user", "content": asked.question.text},
        ],
        "temperature": 0,
        "max_tokens": asked.max_tokens,
        "metadata": {"retrieval": "on" if asked.retrieval else "off"},
    }


def to_endpoint(model: str, questions: Questions) -> Body:
    """Return what sends the prompt of the route too: nobody there knows of routes."""

    def body(asked: Asked) -> dict[str, Any]:
        system = f"{questions.prompts[route_of(asked.retrieval)]}\n\n{asked.mark}"
        return {
            "model": model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": asked.question.text},
            ],
            "temperature": 0,
            "max_tokens": asked.max_tokens,
        }

    return body
