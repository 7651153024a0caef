"""The unmodified client library against a real server."""

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from gyre_gateway.server import bind, serving_web
from gyre_service.errors import Unavailable

from .conftest import Stack
from .fakes import ANSWER_ID

QUESTION: ChatCompletionUserMessageParam = {"role": "user", "content": "Where is the key?"}


@pytest.fixture
async def url(stack: Stack) -> AsyncIterator[str]:
    at = bind("127.0.0.1", 0)
    async with serving_web(stack.web, at, ""):
        yield f"http://127.0.0.1:{at.getsockname()[1]}/v1"


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=url, api_key="local", max_retries=0) as client:
        yield client


async def test_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["gyre/default"]
    assert (await client.models.retrieve("gyre/default")).owned_by == "gyre"


async def test_chat(client: openai.AsyncOpenAI) -> None:
    found = await client.chat.completions.with_raw_response.create(
        model="gyre/default", messages=[QUESTION], metadata={"retrieval": "on"}
    )

    answer = found.parse()
    assert answer.choices[0].message.content == "The key is under the mat [1]."
    assert answer.usage is not None
    assert answer.usage.total_tokens == 27
    assert answer.model_extra is not None
    assert answer.model_extra["gyre"]["answer_id"] == ANSWER_ID
    assert found.headers["gyre-answer-id"] == ANSWER_ID
    assert answer._request_id == found.headers["x-request-id"]


@pytest.mark.parametrize("include_usage", [False, True])
async def test_stream(client: openai.AsyncOpenAI, include_usage: bool) -> None:
    stream = await client.chat.completions.create(
        model="gyre/default",
        messages=[QUESTION],
        stream=True,
        stream_options={"include_usage": include_usage},
    )
    chunks = [chunk async for chunk in stream]

    words = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(words) == "The key is under the mat [1]."
    assert [bool(c.usage) for c in chunks] == [False] * (len(chunks) - 1) + [include_usage]


async def test_a_stream_that_fails_raises(client: openai.AsyncOpenAI, stack: Stack) -> None:
    stack.inference.error, stack.inference.error_after = Unavailable("the engine is gone"), 3
    stream = await client.chat.completions.create(
        model="gyre/default", messages=[QUESTION], stream=True
    )

    with pytest.raises(openai.APIError, match="the engine is gone"):
        async for _ in stream:
            pass


async def test_a_client_that_closes_its_stream_ends_the_engines_work(
    client: openai.AsyncOpenAI, stack: Stack
) -> None:
    stack.inference.hangs = True
    stream = await client.chat.completions.create(
        model="gyre/default", messages=[QUESTION], stream=True
    )
    await anext(aiter(stream))
    await stream.close()

    await stack.inference.cancelled.wait()


async def test_completions_and_embeddings(client: openai.AsyncOpenAI) -> None:
    completion = await client.completions.create(model="gyre/default", prompt="Where?")
    assert completion.choices[0].text == "The key is under the mat [1]."

    found = await client.embeddings.create(model="gyre/default", input=["a", "abc"])
    assert [one.embedding for one in found.data] == [[1.0, 0.5], [3.0, 0.5]]


async def test_errors_are_the_librarys_own(client: openai.AsyncOpenAI, stack: Stack) -> None:
    create = client.chat.completions.create

    with pytest.raises(openai.NotFoundError) as missing:
        await create(model="gpt-4o", messages=[QUESTION])
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await create(model="gyre/default", messages=[QUESTION], n=9)
    assert wrong.value.param == "n"
    with pytest.raises(openai.AuthenticationError) as nobody:
        await client.with_options(api_key="wrong").models.list()
    assert nobody.value.code == "invalid_api_key"
    stack.inference.error = Unavailable("the engine is gone")
    with pytest.raises(openai.InternalServerError) as away:
        await create(model="gyre/default", messages=[QUESTION])
    assert away.value.status_code == 503


async def test_the_sync_client_too(url: str) -> None:
    def ask() -> str | None:
        with openai.OpenAI(base_url=url, api_key="local", max_retries=0) as client:
            answer = client.chat.completions.create(model="gyre/default", messages=[QUESTION])
            return answer.choices[0].message.content

    assert await asyncio.to_thread(ask) == "The key is under the mat [1]."


async def test_a_port_that_is_taken_is_named(url: str) -> None:
    port = int(url.split(":")[2].split("/")[0])

    with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}"):
        bind("127.0.0.1", port)
