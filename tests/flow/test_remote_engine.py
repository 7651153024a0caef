"""`GYRE_ENGINE=openai` in front of a real endpoint, `vllm serve`: it answers as our own engine."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import httpx
import pytest
import torch

from gyre_bench.spawning import spawned
from gyre_bench.startup import vllm_serve
from gyre_inference.launching import engine_environment
from gyre_inference.settings import Settings
from gyre_local.ready import answer
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub

from ..conftest import Stack, until
from ..lamp import LOCAL, lamp
from ..replica import Replica
from .test_adapters import make, tell

pytestmark = pytest.mark.skipif(
    os.environ.get("MODEL", "reference") != "reference", reason="it serves the reference model"
)

PORT = 94  # above what a stack uses of its ports
MODEL = Path(__file__).parents[2] / "models" / "reference"
NAME = "remote"
LOOK_S = 5.0  # between two looks at an endpoint


class Endpoint:
    """`vllm serve`, told what our own engine is, with all that it starts."""

    def __init__(self, stack: Stack) -> None:
        self._port = stack.base + PORT
        self.url = f"http://127.0.0.1:{self._port}"
        self._settings = Settings(
            model_name="reference", model_path=MODEL, model_digest="0" * 64, home=stack.home
        )
        self._log = stack.home / "logs" / "vllm-serve.log"
        self._running = ExitStack()

    def start(self) -> None:
        environment = engine_environment(self._settings)
        environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"
        command = vllm_serve(self._settings, self._port)
        process = self._running.enter_context(spawned(command, self._log, environment))
        self._pid = process.pid
        process.until(lambda: answer(self._port, "/health")[0] == 200, 300)

    def kill(self) -> None:
        os.killpg(self._pid, signal.SIGKILL)
        self._running.close()


@pytest.fixture
def endpoint(stack: Stack) -> Iterator[Endpoint]:
    served = Endpoint(stack)
    served.start()
    yield served
    served.kill()


@pytest.fixture
def remote(stack: Stack, endpoint: Endpoint) -> Iterator[Replica]:
    replica = Replica(
        stack,
        NAME,
        GYRE_ENGINE="openai",
        GYRE_OPENAI_BASE_URL=f"{endpoint.url}/v1",
        GYRE_OPENAI_ADAPTERS="loaded",
    )
    replica.start()
    yield replica
    replica.end()


def ask(address: str, route: str, adapter: str = "base") -> pb.CompleteResponse:
    question = lamp(route, adapter=adapter, sampling=pb.Sampling(max_tokens=16))
    with grpc.insecure_channel(address) as channel:
        return InferenceServiceStub(channel).Complete(question, metadata=LOCAL, timeout=60)


def knows(address: str, route: str) -> bool:
    try:
        ask(address, route)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return False
        raise
    return True


def is_unavailable(address: str, route: str) -> bool:
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        ask(address, route)
    return caught.value.code() is grpc.StatusCode.UNAVAILABLE and time.monotonic() - begin < LOOK_S


@pytest.mark.timeout(900)
def test_a_remote_vllm_answers_as_our_own_engine_does(
    stack: Stack,
    api: httpx.Client,
    collection: str,
    tmp_path: Path,
    endpoint: Endpoint,
    remote: Replica,
) -> None:
    torch.manual_seed(7)  # a digest belongs to one route: another seed than other tests have
    route = api.put(f"/v1/routes/{collection}", json={"collection": collection}).json()
    name = route["name"]
    until(lambda: knows(stack.inference, name), "our engine knows the route")
    until(lambda: knows(remote.address, name), "the other one knows the route")
    ours, theirs = ask(stack.inference, name), ask(remote.address, name)
    assert theirs.finished.answer == ours.finished.answer == "blue [1]"
    assert theirs.finished.usage.completion_tokens == ours.finished.usage.completion_tokens
    assert theirs.finished.usage.prompt_tokens == ours.finished.usage.prompt_tokens

    made, digest = make(tmp_path / "one", route["base_digest"], lambda _: None)
    tell(stack, route, digest, f"file://{made.folder}")

    def outcomes() -> set[tuple[bool, str]]:
        events = [json.loads(record.value or b"{}") for record in stack.read("adapter-loaded")]
        return {
            (event["replica"] == NAME, event["outcome"])
            for event in events
            if event["adapter_digest"] == digest
        }

    until(lambda: len(outcomes()) == 2, "both have said what became of the adapter")
    assert outcomes() == {(True, "loaded"), (False, "loaded")}
    adapted = ask(stack.inference, name, digest).finished.answer
    assert ask(remote.address, name, digest).finished.answer == adapted != ours.finished.answer

    endpoint.kill()
    assert is_unavailable(remote.address, name)
    until(lambda: not remote.is_ready(), "the service says so", 2 * LOOK_S)
    assert is_unavailable(remote.address, name)

    endpoint.start()
    until(remote.is_ready, "it is ready again", 60)
    assert ask(remote.address, name).finished.answer == "blue [1]"
    assert ask(remote.address, name, digest).finished.answer == adapted
    ended = api.post(f"/v1/routes/{name}/rollback", json={"reason": "over"})
    assert ended.status_code < 300
