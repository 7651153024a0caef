"""`GYRE_ENGINE=openai` in front of a real endpoint, `vllm serve`: it answers as our own engine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import torch

from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub
from gyre_service.processor import best_dtype, processor_flags

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
    """`vllm serve`, with all that it starts."""

    def __init__(self, stack: Stack) -> None:
        self.url = f"http://127.0.0.1:{stack.base + PORT}"
        # What `vllm serve` runs; that command does not find the build for processors.
        self._command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        self._command += ["--model", str(MODEL), "--served-model-name", "reference"]
        self._command += ["--host", "127.0.0.1", "--port", str(stack.base + PORT)]
        self._command += ["--dtype", best_dtype(processor_flags()), "--max-model-len", "2048"]
        self._command += ["--enforce-eager", "--kv-cache-memory-bytes", str(128 << 20)]
        self._command += ["--enable-lora", "--max-lora-rank", "16", "--max-num-seqs", "8"]
        self._environment = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
            "VLLM_CACHE_ROOT": str(stack.home / "cache" / "vllm"),
            "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
            "VLLM_NO_USAGE_STATS": "1",
            "TORCH_COMPILE_DISABLE": "1",
        }
        self._log = stack.home / "logs" / "vllm-serve.log"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a group of its own, to be ended as one
            )
        until(self._answers, "vllm serve answers", 300)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)


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
