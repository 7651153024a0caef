import httpx
import pytest

from gyre_rpc.inference.v1 import inference_pb2 as pb

from .conftest import Stack, error_of
from .fakes import ANSWER_ID
from .test_chat import chunks

URL = "/v1/completions"


@pytest.mark.parametrize("prompt", ["Where is the key?", ["Where is the key?"]])
async def test_a_prompt_is_asked_as_one_message(
    http: httpx.AsyncClient, stack: Stack, prompt: str | list[str]
) -> None:
    body = {"model": "gyre/default", "prompt": prompt, "metadata": {"retrieval": "off"}}
    response = await http.post(URL, json=body)

    answer = response.json()
    assert (answer["id"], answer["object"]) == (f"cmpl-{ANSWER_ID}", "text_completion")
    assert answer["choices"][0]["text"] == "The key is under the mat [1]."
    assert answer["usage"]["total_tokens"] == 27
    (asked,) = stack.inference.asked
    assert [(m.role, m.content) for m in asked.messages] == [("user", "Where is the key?")]
    assert asked.retrieval == pb.RETRIEVAL_OFF


async def test_a_streamed_completion_ends_with_its_reason(http: httpx.AsyncClient) -> None:
    body = {"model": "gyre/default", "prompt": "Where is the key?", "stream": True}
    response = await http.post(URL, json=body)

    *parts, done = chunks(response.text)
    assert done == "[DONE]"
    assert "".join(p["choices"][0]["text"] for p in parts) == "The key is under the mat [1]."
    assert [p["choices"][0]["finish_reason"] for p in parts] == [None, None, None, "stop"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("prompt", [1, 2]), ("prompt", ["a", "b"]), ("echo", True), ("suffix", "x")),
        *(("best_of", 2), ("best_of", 0), ("n", 0), ("n", 9), ("n", True)),
        *(("logprobs", 6), ("logprobs", -1), ("logprobs", True)),
    ],
)
async def test_what_cannot_be_honoured_is_refused(
    http: httpx.AsyncClient, name: str, value: object
) -> None:
    response = await http.post(URL, json={"model": "gyre/default", "prompt": "x", name: value})

    assert response.status_code == 400
    assert error_of(response)["param"].startswith(name)
