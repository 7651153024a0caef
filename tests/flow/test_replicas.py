"""Two replicas of inference: both have what the route wants before they are ready, and agree."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import grpc
import httpx
import pytest
import torch
from safetensors.torch import save_file

from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub

from ..conftest import Stack, until
from ..replica import Replica

SUITE = {
    "description": "One question.",
    "items": [
        {
            "id": "one",
            "question": "Which colour has the lamp?",
            "passages": [{"document": "lamp.md", "text": "The colour of the lamp is blue."}],
            "expected": "blue",
        }
    ],
}


@pytest.fixture
def second(stack: Stack) -> Iterator[Replica]:
    replica = Replica(stack, "second")
    replica.start()
    yield replica
    replica.end()


def adapter(folder: Path) -> dict[str, bytes]:
    """Return the files of an adapter so weak that no answer changes."""
    model = Path(__file__).parents[2] / "models" / "reference" / "config.json"
    config = json.loads(model.read_text())
    width, heads = config["hidden_size"], config["num_attention_heads"]
    out = heads * config.get("head_dim", width // heads)
    weights = {}
    for layer in range(config["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(8, width)
        weights[f"{name}.lora_B.weight"] = 1e-3 * torch.randn(out, 8)
    save_file(weights, folder / "adapter_model.safetensors")
    made = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "bias": "none"}
    made |= {"target_modules": ["q_proj"], "base_model_name_or_path": "reference"}
    return {
        "adapter_config.json": json.dumps(made).encode(),
        "adapter_model.safetensors": (folder / "adapter_model.safetensors").read_bytes(),
    }


def ask(address: str, route: str, conversation: str) -> tuple[str, str]:
    """Return arm and adapter of one answer of the replica at `address`."""
    request = pb.GenerateRequest(
        route=route,
        messages=[pb.Message(role="user", content="Which colour has the lamp?")],
        conversation_id=conversation,
    )
    with grpc.insecure_channel(address) as channel:
        whole = InferenceServiceStub(channel).Complete(
            pb.CompleteRequest(request=request),
            metadata=(("authorization", "Bearer local"),),
            timeout=100,
        )
    return whole.started.arm, whole.started.adapter


@pytest.mark.skipif(
    os.environ.get("MODEL", "reference") != "reference", reason="the adapter is for the reference"
)
def test_both_replicas_serve_what_the_route_wants(
    stack: Stack, api: httpx.Client, second: Replica, tmp_path: Path
) -> None:
    route = f"replicas-{uuid4().hex[:8]}"
    put = api.put(f"/v1/suites/{route}", content=json.dumps(SUITE))  # JSON is YAML
    assert put.status_code == 200, put.text
    # Half of the conversations: of 1 %, twenty would agree without anybody's doing.
    policy = {"release": {"suites": [route], "steps": [5_000]}}
    made = api.put(f"/v1/routes/{route}", json={"collection": route, "policy": policy})
    assert made.status_code == 200, made.text

    files = [(name, (name, content)) for name, content in adapter(tmp_path).items()]
    imported = api.post("/v1/adapters", data={"route": route}, files=files)
    assert imported.status_code == 201, imported.text
    digest = imported.json()["adapter_digest"]

    def loaded() -> set[str]:
        events = [json.loads(record.value) for record in stack.read("adapter-loaded")]
        return {
            event["replica"]
            for event in events
            if event["adapter_digest"] == digest and event["outcome"] == "loaded"
        }

    until(lambda: len(loaded()) == 2, "both replicas have the adapter")
    assert "second" in loaded()

    def stage() -> str:
        [rollout] = api.get("/v1/rollouts", params={"route": route}).json()["data"]
        return str(rollout["stage"])

    until(lambda: stage() == "canary", "the gate lets it pass", 120)

    def knows_the_canary(address: str) -> Callable[[], bool]:
        return lambda: ask(address, route, str(uuid4()))[0] == "candidate"

    addresses = (stack.inference, second.address)
    for address in addresses:
        until(knows_the_canary(address), "the replica knows the canary")
    conversations = [str(uuid4()) for _ in range(20)]
    ours, theirs = ([ask(one, route, asked) for asked in conversations] for one in addresses)
    assert ours == theirs
    assert set(ours) == {("production", ""), ("candidate", digest)}

    assert api.post(f"/v1/routes/{route}/promote", json={}).status_code == 200

    def everywhere(wanted: str) -> Callable[[], bool]:
        answer = ("production", wanted)
        return lambda: all(ask(one, route, str(uuid4())) == answer for one in addresses)

    until(everywhere(digest), "both replicas answer with the adapter")

    second.kill()
    second.start()
    assert ask(second.address, route, str(uuid4())) == ("production", digest)

    assert api.post(f"/v1/routes/{route}/rollback", json={}).status_code == 200
    until(everywhere(""), "both replicas answer with the base")
