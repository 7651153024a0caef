"""Two adapters and the base in one engine at once: each answers as it does alone."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest
import torch

from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub

from ..conftest import Stack, until
from ..lamp import LOCAL, lamp
from .test_adapters import make, tell

pytestmark = pytest.mark.skipif(
    os.environ.get("MODEL", "reference") != "reference", reason="the adapters are for the reference"
)

ROUNDS = 10


@pytest.fixture
def ask(stack: Stack) -> Iterator[Callable[[str, str], str]]:
    with grpc.insecure_channel(stack.inference) as channel:
        stub = InferenceServiceStub(channel)

        def asked(route: str, adapter: str) -> str:
            """Return what an adapter of a route says, whoever has the route's traffic."""
            sampling = pb.Sampling(max_tokens=16)
            question = lamp(route, adapter=adapter, sampling=sampling)
            whole = stub.Complete(question, metadata=LOCAL, timeout=60)
            assert whole.started.adapter == ("" if adapter == "base" else adapter)
            return str(whole.finished.answer)

        yield asked


def test_each_answers_as_it_does_alone(
    stack: Stack,
    api: httpx.Client,
    collection: str,
    tmp_path: Path,
    ask: Callable[[str, str], str],
) -> None:
    torch.manual_seed(1)  # that they differ is drawn with their weights
    chosen: list[tuple[str, str]] = []
    for name in (f"{collection}-one", f"{collection}-two"):
        route = api.put(f"/v1/routes/{name}", json={"collection": collection}).json()
        made, digest = make(tmp_path / name, route["base_digest"], lambda _: None)
        tell(stack, route, digest, f"file://{made.folder}")
        chosen.append((name, digest))
    chosen.append((chosen[0][0], "base"))

    def loaded() -> bool:
        events = [json.loads(record.value or b"{}") for record in stack.read("adapter-loaded")]
        told = {
            (event["route"], event["adapter_digest"])
            for event in events
            if event["outcome"] == "loaded"
        }
        return set(chosen[:2]) <= told

    try:
        until(loaded, "both are loaded")
        alone = [ask(*one) for one in chosen]
        assert len(set(alone)) == 3, "one of them changes nothing"
        with ThreadPoolExecutor(len(chosen)) as pool:
            for _ in range(ROUNDS):
                assert list(pool.map(lambda one: ask(*one), chosen)) == alone
    finally:  # what the engine holds counts for the tests after this one
        for name, _ in chosen[:2]:
            ended = api.post(f"/v1/routes/{name}/rollback", json={"reason": "over"})
            assert ended.status_code < 300
