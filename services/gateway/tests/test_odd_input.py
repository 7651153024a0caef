"""Whatever a client sends, it is told what was wrong; nothing here is an internal error."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from .conftest import Stack

ID = "0198a1b2-0000-7000-8000-000000000001"
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e308, 10**30, float("nan"), float("inf")),
    *("", "\ud800", "\x00", "x" * 3000, ID),
    *([], [None], ["\ud800"], [[]], {}, {"a": 1}, {"\ud800": 1}, {"type": "text"}),
]
CHAT = {
    "model": "gyre/default",
    "messages": [{"role": "user", "content": "x"}],
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "n": 1,
    "logprobs": True,
    "top_logprobs": 1,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True},
    },
    "seed": 1,
    "max_tokens": 5,
    "stop": ["a"],
    "user": "u",
    "metadata": {"retrieval": "on", "conversation_id": ID},
    "stream": True,
    "stream_options": {"include_usage": True},
}
FEEDBACK = {"thumb": "up", "score": 0.5, "comment": "c", "edited_answer": "e", "person": "p"}
VALID: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/chat/completions"): CHAT,
    ("POST", "/v1/completions"): {
        "model": "gyre/default",
        "prompt": "x",
        "logprobs": 1,
        "best_of": 1,
    },
    ("POST", "/v1/embeddings"): {"model": "gyre/default", "input": ["x"], "dimensions": 2},
    ("POST", "/v1/feedback"): FEEDBACK | {"answer_id": ID},
    ("POST", "/v1/documents"): {"name": "n", "content": "c", "media_type": "text/plain"},
    ("POST", "/v1/evaluations"): {"suite": "s", "route": "default", "limit": 1},
    ("PUT", "/v1/routes/x"): {"collection": "c", "prompt": "p", "policy": {"a": 1}},
}
QUERIES = [
    *("/v1/documents?collection=", "/v1/documents?limit=", "/v1/documents?after="),
    *("/v1/answers?person=", "/v1/answers?conversation_id=", "/v1/datasets/x?offset="),
    *("/v1/documents/", "/v1/answers/", "/v1/datasets/", "/v1/models/"),
]
ODD_TEXTS = ["%00", "%ff", "%ed%a0%80", "%F0%9F", "9" * 40, "a" * 5000, "-1", "'", "%2e%2e%2f"]


def variants(valid: Any) -> Iterator[Any]:
    """Yield `valid` with every part of it replaced by every odd value."""
    yield from ODD
    if isinstance(valid, dict):
        for name in valid:
            yield from (valid | {name: odd} for odd in variants(valid[name]))
    if isinstance(valid, list):
        yield from ([odd] for odd in variants(valid[0]))


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(stack.web, raise_app_exceptions=False)
    headers = {"authorization": "Bearer local", "content-type": "application/json"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=headers
    ) as client:
        yield client


@pytest.mark.parametrize(("method", "url"), VALID)
async def test_an_odd_body(http: httpx.AsyncClient, method: str, url: str) -> None:
    for body in variants(VALID[method, url]):
        response = await http.request(method, url, content=json.dumps(body))

        assert response.status_code < 500, (body, response.text)
        assert "internal error" not in response.text, body


async def test_a_body_with_too_many_levels(http: httpx.AsyncClient) -> None:
    for levels in (101, 300, 600, 900, 100_000):
        deep = '{"a":' * levels + "1" + "}" * levels
        form = f'{{"type":"json_schema","json_schema":{{"name":"x","schema":{deep}}}}}'
        for name, value in (("metadata", deep), ("response_format", form)):
            body = json.dumps(CHAT | {name: None}).replace(f'"{name}": null', f'"{name}":{value}')
            response = await http.post("/v1/chat/completions", content=body)

            assert response.status_code in (400, 413), (levels, name, response.text[:200])


async def test_an_odd_query(http: httpx.AsyncClient) -> None:
    for url in QUERIES:
        for text in ODD_TEXTS:
            response = await http.get(url + text)

            assert response.status_code < 500, (url, text, response.text)


async def test_no_offset_is_one_that_postgresql_cannot_have(http: httpx.AsyncClient) -> None:
    found = [
        (await http.get(f"/v1/datasets/x?offset={offset}")).status_code
        for offset in (2**31 - 1, 2**31)
    ]

    assert found == [404, 400]


@pytest.mark.parametrize(("method", "url"), VALID)
async def test_no_text_has_what_postgresql_keeps_in_none(
    http: httpx.AsyncClient, stack: Stack, method: str, url: str
) -> None:
    for body in variants(VALID[method, url]):
        if "\\u0000" in (content := json.dumps(body)):
            response = await http.request(method, url, content=content)

            assert response.status_code == 400, (body, response.text)
    assert stack.kafka.sent == []


async def test_a_text_with_it_is_named(http: httpx.AsyncClient) -> None:
    response = await http.post(
        "/v1/feedback", content=json.dumps({"answer_id": ID, "comment": "a\0b"})
    )

    assert response.json()["error"]["message"] == (
        "comment: no text has the character U+0000: leave it out"
    )


@pytest.mark.parametrize("address", ["/v1/drifts?route=%00", "/v1/datasets/a%00"])
async def test_no_address_has_it(http: httpx.AsyncClient, address: str) -> None:
    response = await http.get(address)

    assert response.status_code == 400
    assert "U+0000" in response.text
