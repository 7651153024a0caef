"""What an endpoint can do with adapters, over real connections to a small server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gyre_inference.generation import Adapter
from gyre_inference.openai_adapters import EndpointAdapters
from gyre_inference.openai_wire import Endpoint
from gyre_inference.settings import Settings
from gyre_service.errors import Rejected, Unavailable

from .openai_server import OpenAiServer, serving

ADAPTER = Adapter("default--bbbbbbbb", "b" * 64, "/adapters/b")
BASE = {"Blue": -0.1, "Red": -2.5}
OTHER = {"Blue": -2.0, "Azure": -0.2}
Make = Callable[..., EndpointAdapters]


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    made = OpenAiServer(loads=True, models=[{"id": "tiny", "root": "/models/tiny"}])
    made.go_on.set()
    made.logprobs = {"tiny": BASE, ADAPTER.name: OTHER}
    async with serving(made):
        yield made


@pytest.fixture
async def make(make_settings: Callable[..., Settings], server: OpenAiServer) -> AsyncIterator[Make]:
    endpoint = Endpoint(server.url, "", silence_s=5, connections=2)

    def made(how: str = "loaded", **changes: Any) -> EndpointAdapters:
        fields = {"engine": "openai", "openai_base_url": server.url, "openai_adapters": how}
        return EndpointAdapters(make_settings(**fields | changes), endpoint)

    yield made
    await endpoint.close()


def named(server: OpenAiServer) -> list[str]:
    return [card["id"] for card in server.models]


def loads_of(server: OpenAiServer) -> list[dict[str, Any]]:
    return [call.body for call in server.calls if call.path == "/v1/load_lora_adapter"]


async def test_an_endpoint_without_adapters_refuses_each(make: Make, server: OpenAiServer) -> None:
    with pytest.raises(Rejected, match=r"serves no adapters: .* is named or loaded"):
        await make("none").load(ADAPTER)
    assert server.calls == []


async def test_an_adapter_is_loaded_proved_and_let_go(make: Make, server: OpenAiServer) -> None:
    adapters = make(openai_adapter_path="/mnt/{digest}")

    await adapters.load(ADAPTER)

    assert loads_of(server) == [
        {"lora_name": "default--bbbbbbbb", "lora_path": f"/mnt/{ADAPTER.digest}"}
    ]
    assert adapters.model(ADAPTER) == "default--bbbbbbbb"
    assert adapters.model(None) == "tiny"
    await adapters.unload(ADAPTER)
    assert named(server) == ["tiny"]
    await adapters.unload(ADAPTER)  # another replica was faster


async def test_one_that_is_there_already_is_not_loaded_again(
    make: Make, server: OpenAiServer
) -> None:
    server.models.append({"id": ADAPTER.name, "root": "/adapters/b", "parent": "tiny"})

    await make().load(ADAPTER)

    assert loads_of(server) == []


async def test_a_server_that_loads_none_says_what_it_needs(
    make: Make, server: OpenAiServer
) -> None:
    server.loads = False

    with pytest.raises(Rejected, match=r"from /adapters/b.*VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"):
        await make().load(ADAPTER)


async def test_what_a_server_refuses_is_refused_in_its_words(
    make: Make, server: OpenAiServer
) -> None:
    server.refuses = "LoRA rank 64 is greater than max_lora_rank 16"

    with pytest.raises(Rejected, match="rank 64 is greater"):
        await make().load(ADAPTER)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (BASE, "changes nothing"),
        ({"Blue": float("nan")}, "not finite"),
        ({}, "no log-probabilities"),
    ],
)
async def test_an_adapter_has_to_prove_itself(
    make: Make, server: OpenAiServer, says: dict[str, float], reason: str
) -> None:
    server.logprobs[ADAPTER.name] = says

    with pytest.raises(Rejected, match=reason):
        await make().load(ADAPTER)

    assert named(server) == ["tiny"]  # it is not left behind


async def test_one_that_the_endpoint_fails_over_is_refused(
    make: Make, server: OpenAiServer
) -> None:
    server.fails_with = {ADAPTER.name: 500}

    with pytest.raises(Rejected, match=r"answers without the adapter, with it not: .*500"):
        await make().load(ADAPTER)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_endpoint_with_too_much_to_do_refuses_nothing(
    make: Make, server: OpenAiServer, status: int
) -> None:
    server.fails_with = {ADAPTER.name: status}

    with pytest.raises(Unavailable):
        await make().load(ADAPTER)


async def test_what_is_there_by_name_is_waited_for_and_then_refused(
    make: Make, server: OpenAiServer
) -> None:
    adapters = make("named", adapter_timeout_s=0.2)

    with pytest.raises(Unavailable, match=r"does not list the adapter default--bbbbbbbb .yet."):
        await adapters.load(ADAPTER)
    await asyncio.sleep(0.25)
    with pytest.raises(Rejected, match="lists no adapter default--bbbbbbbb, it lists tiny"):
        await adapters.load(ADAPTER)


async def test_an_endpoint_may_call_an_adapter_by_its_digest(
    make: Make, server: OpenAiServer
) -> None:
    server.models.append({"id": f"lora-{ADAPTER.digest}"})
    server.logprobs[f"lora-{ADAPTER.digest}"] = OTHER
    adapters = make("named", openai_adapter_name="lora-{digest}")

    await adapters.load(ADAPTER)
    await adapters.unload(ADAPTER)

    assert loads_of(server) == []
    assert len(server.models) == 2  # who put it there takes it away


async def test_an_adapter_of_another_model_is_refused(make: Make, server: OpenAiServer) -> None:
    server.models.append({"id": "large", "root": "/models/large"})
    server.models.append({"id": ADAPTER.name, "parent": "large"})

    with pytest.raises(Rejected, match="as an adapter of large, not tiny"):
        await make().load(ADAPTER)


async def test_a_server_that_restarts_is_given_its_adapters_again(
    make: Make, server: OpenAiServer
) -> None:
    adapters = make()
    await adapters.load(ADAPTER)
    del server.models[1:]

    await adapters.keep({})

    assert named(server) == ["tiny", ADAPTER.name]
    server.loads = False
    del server.models[1:]
    with pytest.raises(Rejected, match="loads no adapter"):
        await adapters.keep({})


async def test_one_that_disappears_and_cannot_be_loaded_is_a_reason(
    make: Make, server: OpenAiServer
) -> None:
    server.models.append({"id": ADAPTER.name})
    adapters = make("named")
    await adapters.load(ADAPTER)
    del server.models[1:]

    with pytest.raises(Unavailable, match="does not list the adapter default--bbbbbbbb any more"):
        await adapters.keep({})
