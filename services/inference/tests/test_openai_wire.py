"""Calls to an endpoint over real connections, and what its mistakes mean."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gyre_inference.openai_wire import Chunk, Endpoint
from gyre_service.errors import Overloaded, Rejected, ServiceError, Unavailable

from .openai_server import OpenAiServer

BODY = {"model": "tiny", "max_tokens": 8}


@pytest.fixture
async def endpoint(server: OpenAiServer) -> AsyncIterator[Endpoint]:
    made = Endpoint(server.url, "", silence_s=5, connections=2)
    yield made
    await made.close()


async def said_by(endpoint: Endpoint) -> list[Chunk]:
    return [chunk async for chunk in endpoint.chat(BODY)]


async def test_a_line_separator_in_an_answer_ends_no_line(
    endpoint: Endpoint, server: OpenAiServer
) -> None:
    server.says = ("one\u2028two\x85three", "\nfour")

    said = [
        chunk.choices[0].delta.content or "" async for chunk in endpoint.chat(BODY) if chunk.choices
    ]

    assert "".join(said) == "one\u2028two\x85three\nfour"


@pytest.mark.parametrize(
    ("status", "error", "expected", "said"),
    [
        (400, {"error": {"message": "too long"}}, Rejected, "refuses this: too long"),
        (422, {"detail": [{"loc": ["stop"]}]}, Rejected, "refuses this: .*stop"),
        (413, "large", Rejected, "refuses this"),
        (401, {"error": {"message": "bad key sk-1"}}, Unavailable, "GYRE_OPENAI_API_KEY .401.$"),
        (403, None, Unavailable, "GYRE_OPENAI_API_KEY .403.$"),
        (404, {"error": {"message": "no model"}}, Unavailable, "no such thing: no model"),
        (429, {"error": {"message": "slow down"}}, Overloaded, "too much to do: slow down"),
        (408, None, Unavailable, "failed .408."),
        (307, None, Unavailable, "failed .307."),
        (500, {"error": "boom"}, Unavailable, "failed .500.: boom"),
        (503, {"message": "loading"}, Unavailable, "failed .503.: loading"),
    ],
)
async def test_who_is_to_blame_decides_the_error(
    endpoint: Endpoint,
    server: OpenAiServer,
    status: int,
    error: Any,
    expected: type[ServiceError],
    said: str,
) -> None:
    server.status, server.error = status, error

    with pytest.raises(expected, match=said):
        await said_by(endpoint)


@pytest.mark.parametrize(
    ("raw", "expected", "said"),
    [
        (b'data: {"error": {"message": "cut", "code": 400}}\n\n', Rejected, "cut"),
        (b'data: {"error": {"message": "gone", "code": 500}}\n\n', Unavailable, "gone"),
        (b'data: {"error": "gone"}\n\n', Unavailable, "gone"),
        (b"data: {no json\n\n", Unavailable, "no chunk: {no json"),
        (b'data: {"choices": [{"delta": {"content": 3}}]}\n\n', Unavailable, "no chunk"),
        (b"data: 3\n\n", Unavailable, "no chunk"),
        (b"data: " + b"x" * (1 << 21), Unavailable, "an event of over"),
    ],
)
async def test_a_stream_that_is_none_is_an_error(
    endpoint: Endpoint, server: OpenAiServer, raw: bytes, expected: type[ServiceError], said: str
) -> None:
    server.raw = raw

    with pytest.raises(expected, match=said):
        await said_by(endpoint)


async def test_a_port_that_there_is_not_is_an_endpoint_that_is_away() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/v1/", "", silence_s=1, connections=1)

    with pytest.raises(Unavailable, match="cannot be reached"):
        await said_by(endpoint)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await endpoint.models()
    await endpoint.close()
