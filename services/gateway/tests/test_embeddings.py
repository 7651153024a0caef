import base64
from struct import pack

import httpx
import pytest

from .conftest import ACME, Stack, error_of

URL = "/v1/embeddings"


async def test_vectors_come_as_numbers_or_as_base64(http: httpx.AsyncClient, stack: Stack) -> None:
    body = {"model": "gyre/default", "input": ["a b", "abcd"]}
    response = await http.post(URL, json=body)

    assert response.json() == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [3.0, 0.5]},
            {"object": "embedding", "index": 1, "embedding": [4.0, 0.5]},
        ],
        "model": "gyre/default",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    response = await http.post(URL, json=body | {"encoding_format": "base64", "input": "a"})
    assert base64.b64decode(response.json()["data"][0]["embedding"]) == pack("<2f", 1, 0.5)
    assert stack.retrieval.tenant == "default"


async def test_many_texts_go_in_batches_and_keep_their_order(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    texts = ["x" * (1 + number % 7) for number in range(600)]
    response = await http.post(URL, json={"model": "gyre/default", "input": texts})

    assert stack.retrieval.batches == [64] * 9 + [24]
    lengths = [one["embedding"][0] for one in response.json()["data"]]
    assert lengths == [len(text) for text in texts]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 3}, "dimensions"),
    ],
)
async def test_what_cannot_be_encoded_is_refused(
    http: httpx.AsyncClient, change: dict[str, object], param: str
) -> None:
    response = await http.post(URL, json={"model": "gyre/default", "input": "x"} | change)

    assert response.status_code == 400
    assert error_of(response)["param"].startswith(param)


async def test_an_unknown_model_is_not_found(http: httpx.AsyncClient, stack: Stack) -> None:
    stack.rollouts.add("default", "private")
    body = {"model": "gyre/private", "input": "x"}

    assert (await http.post(URL, json=body)).status_code == 200
    response = await http.post(URL, json=body, headers=ACME)
    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"
