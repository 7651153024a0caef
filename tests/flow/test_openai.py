"""The unmodified OpenAI client, pointed at the gateway."""

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from ..conftest import Stack, indexed, put, route

PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"


@pytest.fixture
def client(stack: Stack) -> OpenAI:
    return OpenAI(base_url=f"{stack.url}/v1", api_key="local", max_retries=0, timeout=120)


def test_models_begin_with_the_default_route(client: OpenAI) -> None:
    models = client.models.list().data

    assert models[0].id == "gyre/default"
    assert client.models.retrieve("gyre/default").id == "gyre/default"


def test_chat_plain_and_streaming_say_the_same(
    client: OpenAI, api: httpx.Client, collection: str
) -> None:
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    model = route(api, collection)
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "How long is the warranty of the pump P7?"}
    ]

    plain = client.chat.completions.create(model=model, messages=messages, temperature=0)
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=messages,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == plain.choices[0].message.content
    assert plain.id.startswith("chatcmpl-")
    assert plain.choices[0].finish_reason in {"stop", "length"}
    assert plain.usage is not None
    assert plain.usage.total_tokens == plain.usage.prompt_tokens + plain.usage.completion_tokens
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == plain.usage.completion_tokens


def test_embeddings_in_both_encodings(client: OpenAI) -> None:
    packed = client.embeddings.create(model="gyre/default", input=["a pump", "a lamp"])
    floats = client.embeddings.create(
        model="gyre/default", input=["a pump", "a lamp"], encoding_format="float"
    )

    assert [row.index for row in packed.data] == [0, 1]
    assert len(packed.data[0].embedding) == 384
    assert packed.data[1].embedding == pytest.approx(floats.data[1].embedding, abs=1e-5)
    assert packed.usage.prompt_tokens > 0


def test_errors_are_the_clients_own(client: OpenAI, stack: Stack) -> None:
    hello: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gyre/no-such-route", messages=hello)
    assert missing.value.code == "model_not_found"

    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="gyre/default", messages=hello, n=9)
    assert wrong.value.param == "n"

    with pytest.raises(openai.AuthenticationError) as unknown:
        OpenAI(base_url=f"{stack.url}/v1", api_key="nobody", max_retries=0).models.list()
    assert unknown.value.code == "invalid_api_key"
