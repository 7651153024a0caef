"""How many answers, of which form, and how sure the model was of them."""

import json
from typing import Any

import httpx
import openai
import pytest

from gyre_service.errors import Rejected

from .conftest import Stack, error_of
from .test_chat import URL, asking, chunks
from .test_openai import QUESTION, client, url

__all__ = ["client", "url"]
SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
SAID = "The key is under the mat [1]."
BLOCK = {
    "token": "The key",
    "logprob": -0.5,
    "bytes": list(b"The key"),
    "top_logprobs": [{"token": "\ufffd", "logprob": -2.0, "bytes": [0xC3]}],
}


async def test_what_is_asked_for_reaches_inference(http: httpx.AsyncClient, stack: Stack) -> None:
    more = {"temperature": 0.5, "top_p": 0.25, "seed": -7, "stop": ["a", "b"], "n": 3}
    more |= {"presence_penalty": 1.5, "frequency_penalty": -1.5, "max_completion_tokens": 9}
    more |= {"logprobs": True, "top_logprobs": 4, "response_format": FORM, "max_tokens": 5}

    assert (await http.post(URL, json=asking(**more))).status_code == 200

    sampling = stack.inference.asked[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (0.5, 0.25, -7)
    assert (list(sampling.stop), sampling.n, sampling.max_tokens) == (["a", "b"], 3, 9)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (1.5, -1.5)
    assert sampling.top_logprobs == 4
    assert sampling.json_schema == json.dumps(SCHEMA)  # in its order


@pytest.mark.parametrize(
    ("more", "top", "schema"),
    [
        ({}, None, ""),
        ({"logprobs": False, "top_logprobs": 0}, None, ""),
        ({"logprobs": True}, 0, ""),
        ({"response_format": {"type": "text"}}, None, ""),
        ({"response_format": {"type": "text", "json_schema": None}}, None, ""),
        ({"response_format": {"type": "json_object"}}, None, '{"type": "object"}'),
        ({"response_format": FORM | {"type": "json_object"}}, None, '{"type": "object"}'),
    ],
    ids=str,
)
async def test_what_is_not_asked_for_does_not(
    http: httpx.AsyncClient, stack: Stack, more: dict[str, Any], top: int | None, schema: str
) -> None:
    response = await http.post(URL, json=asking(**more))

    sampling = stack.inference.asked[0].sampling
    assert (sampling.top_logprobs if sampling.HasField("top_logprobs") else None) == top
    assert (sampling.n, sampling.json_schema) == (1, schema)
    assert (response.json()["choices"][0]["logprobs"] is None) == (top is None)


async def test_choices_are_whole_and_numbered(http: httpx.AsyncClient) -> None:
    body = (await http.post(URL, json=asking(n=2, logprobs=True, top_logprobs=1))).json()

    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    for choice in body["choices"]:
        assert choice["message"]["content"] == SAID
        assert choice["finish_reason"] == "stop"
        assert choice["logprobs"]["refusal"] is None
        assert choice["logprobs"]["content"][0] == BLOCK
        assert len(choice["logprobs"]["content"]) == 3
    assert "gyre" in body


async def test_choices_stream_with_their_number(http: httpx.AsyncClient) -> None:
    more = {"n": 2, "logprobs": True, "top_logprobs": 1, "stream_options": {"include_usage": True}}
    response = await http.post(URL, json=asking(stream=True, **more))

    *parts, usage, done = chunks(response.text)
    assert done == "[DONE]"
    assert usage["choices"] == []
    choices = [part["choices"][0] for part in parts]
    for index in (0, 1):
        first, *middle, last = [choice for choice in choices if choice["index"] == index]
        assert (first["delta"]["role"], first["logprobs"]) == ("assistant", None)
        assert "".join(choice["delta"]["content"] for choice in middle) == SAID
        assert middle[0]["logprobs"] == {"content": [BLOCK], "refusal": None}
        assert (last["delta"], last["finish_reason"]) == ({}, "stop")
        assert last["logprobs"] is None
    assert ["gyre" in part for part in parts] == [False] * (len(parts) - 1) + [True]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_older_inference_gives_one_choice(
    http: httpx.AsyncClient, stack: Stack, stream: bool
) -> None:
    stack.inference.knows_choices = False

    response = await http.post(URL, json=asking(stream=stream))

    if stream:
        assert chunks(response.text)[-2]["choices"][0]["finish_reason"] == "stop"
    else:
        (choice,) = response.json()["choices"]
        assert choice["message"]["content"] == SAID


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_is_no_content_of_a_form(
    http: httpx.AsyncClient, stack: Stack, stream: bool
) -> None:
    stack.inference.refuses = True

    response = await http.post(URL, json=asking(response_format=FORM, stream=stream))

    if stream:
        deltas = [part["choices"][0]["delta"] for part in chunks(response.text)[1:-2]]
        assert "".join(delta["refusal"] for delta in deltas) == SAID
        assert not any("content" in delta for delta in deltas)
    else:
        message = response.json()["choices"][0]["message"]
        assert (message["content"], message["refusal"]) == (None, SAID)


async def test_the_client_library_reads_all_of_it(client: openai.AsyncOpenAI, stack: Stack) -> None:
    create = client.chat.completions.create
    answer = await create(
        model="gyre/default", messages=[QUESTION], n=2, logprobs=True, top_logprobs=1
    )
    logprobs = answer.choices[1].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert logprobs.content[0].bytes == list(b"The key")
    assert logprobs.content[0].top_logprobs[0].logprob == -2

    old = await client.completions.create(model="gyre/default", prompt="Where?", logprobs=1, n=2)
    found = old.choices[1].logprobs
    assert found is not None
    assert found.tokens == ["The key", " is under", " the mat [1]."]
    assert found.token_logprobs == [-0.5] * 3
    assert found.text_offset == [0, 7, 16]
    assert found.top_logprobs is not None
    assert found.top_logprobs[0] == {"The key": -0.5, "\ufffd": -2}

    stack.inference.refuses = True
    declined = await create(
        model="gyre/default", messages=[QUESTION], response_format={"type": "json_object"}
    )
    assert declined.choices[0].message.refusal == SAID


async def test_offsets_go_on_over_chunks(http: httpx.AsyncClient) -> None:
    body = {"model": "gyre/default", "prompt": "x", "stream": True, "logprobs": 0, "n": 2}
    response = await http.post("/v1/completions", json=body | {"best_of": 2})

    offsets: dict[int, list[int]] = {0: [], 1: []}
    for part in chunks(response.text)[:-1]:
        (choice,) = part["choices"]
        if choice["finish_reason"] is None:
            offsets[choice["index"]] += choice["logprobs"]["text_offset"]
            assert choice["logprobs"]["top_logprobs"] == [{choice["text"]: -0.5}]
    assert offsets == {0: [0, 7, 16], 1: [0, 7, 16]}


def form(**changes: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": "answer", "schema": SCHEMA}
    return {"response_format": {"type": "json_schema", "json_schema": schema | changes}}


@pytest.mark.parametrize(
    ("change", "param", "reason"),
    [
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"n": 9}, "n", "less than or equal to 8"),
        ({"n": 1.5}, "n", "integer"),
        ({"n": "2"}, "n", "integer"),
        ({"n": True}, "n", "integer"),
        ({"logprobs": 3}, "logprobs", "boolean"),
        ({"logprobs": "true"}, "logprobs", "boolean"),
        ({"top_logprobs": 3}, "top_logprobs", "needs `logprobs`"),
        ({"logprobs": False, "top_logprobs": 3}, "top_logprobs", "needs `logprobs`"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "less than or equal to 20"),
        ({"logprobs": True, "top_logprobs": -1}, "top_logprobs", "greater than or equal to 0"),
        ({"response_format": "json"}, "response_format", "dictionary"),
        ({"response_format": {}}, "response_format.type", "required"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "'json_object'"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "`name` and `schema`",
        ),
        (form(name="a b"), "response_format.json_schema.name", "pattern"),
        (form(name=""), "response_format.json_schema.name", "pattern"),
        (form(schema=None), "response_format.json_schema.schema", "dictionary"),
        (form(schema="object"), "response_format.json_schema.schema", "dictionary"),
        (form(schema=[]), "response_format.json_schema.schema", "dictionary"),
        (form(strict="yes"), "response_format.json_schema.strict", "boolean"),
        ({"presence_penalty": 2.1}, "presence_penalty", "less than or equal to 2"),
        ({"frequency_penalty": -2.1}, "frequency_penalty", "greater than or equal to -2"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "greater than or equal to 1"),
    ],
    ids=str,
)
async def test_what_cannot_be_honoured(
    http: httpx.AsyncClient, stack: Stack, change: dict[str, Any], param: str, reason: str
) -> None:
    response = await http.post(URL, json=asking(**change))

    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert reason in error_of(response)["message"]
    assert stack.inference.asked == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("asked", "refused", "param"),
    [
        ({"max_tokens": 9000}, "max_tokens", "max_tokens"),
        ({"max_completion_tokens": 9000}, "max_tokens", "max_completion_tokens"),
        ({"stop": ""}, "stop", "stop"),
        ({"response_format": FORM}, "json_schema", "response_format"),
        ({"logprobs": True, "top_logprobs": 20}, "top_logprobs", "top_logprobs"),
        ({}, "messages[0].content", "messages[0].content"),
        ({}, None, None),
    ],
)
async def test_what_inference_refuses_has_the_clients_name(
    http: httpx.AsyncClient,
    stack: Stack,
    asked: dict[str, Any],
    refused: str | None,
    param: str | None,
    stream: bool,
) -> None:
    stack.inference.error = Rejected("not so", param=refused)

    response = await http.post(URL, json=asking(stream=stream, **asked))

    assert response.status_code == 400
    assert error_of(response)["param"] == param


async def test_completions_call_log_probabilities_their_own_way(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    stack.inference.error = Rejected("too many", param="top_logprobs")
    body = {"model": "gyre/default", "prompt": "x", "logprobs": 5}

    response = await http.post("/v1/completions", json=body)

    assert error_of(response)["param"] == "logprobs"
