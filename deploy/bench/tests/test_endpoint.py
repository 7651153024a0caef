"""The endpoint as a client of it sees it, and the client that the gateway is asked with."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gyre_bench.endpoint import application
from gyre_bench.errors import BenchError
from gyre_bench.questions import Asked, Question
from gyre_bench.sides import chunk_of, engine_s, says_something, to_gateway

from .engines import Said

BODY = {"messages": [{"role": "user", "content": "Blue?"}], "max_tokens": 8}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(Said(), "reference"))
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
        yield client


async def test_an_answer_says_the_engines_own_time(http: httpx.AsyncClient) -> None:
    response = await http.post("/v1/chat/completions", json=BODY)

    answer = response.json()
    assert answer["choices"][0]["message"]["content"] == "Blue sky"
    assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert 0 <= engine_s(response.headers) < 1


async def test_a_stream_says_the_same_and_its_usage(http: httpx.AsyncClient) -> None:
    response = await http.post("/v1/chat/completions", json=BODY | {"stream": True})

    chunks = [chunk_of(line.encode()) for line in response.text.splitlines()]
    said = [each["choices"][0]["delta"]["content"] for each in chunks if says_something(each)]
    assert said == ["Blue", " sky"]
    assert chunks[-4]["usage"]["completion_tokens"] == 3


def test_the_engines_time_is_read_under_both_names() -> None:
    assert engine_s({"gyre-engine-ms": "250"}) == 0.25
    assert engine_s({"llm_provider-gyre-engine-ms": "1.5"}) == 0.0015
    with pytest.raises(BenchError, match="without the header gyre-engine-ms"):
        engine_s({})


def test_a_stream_that_breaks_off_is_an_error() -> None:
    with pytest.raises(BenchError, match="broke off"):
        chunk_of(b'data: {"error": {"message": "gone"}}\n')


def test_a_role_alone_is_no_first_token() -> None:
    assert not says_something({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
    assert not says_something({"choices": [], "usage": {}})


def test_the_gateway_is_told_not_to_search() -> None:
    asked = Asked(Question("One?"), "Whole 00001.", retrieval=False, max_tokens=8)

    body = to_gateway(asked)

    assert (body["model"], body["metadata"]) == ("gyre/plain", {"retrieval": "off"})
    assert [message["content"] for message in body["messages"]] == ["Whole 00001.", "One?"]
