"""Adapters that nobody should serve: each is refused with its reason, and questions go on."""

import asyncio
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import grpc
import httpx
import pytest
import torch
from aiokafka import AIOKafkaProducer
from safetensors.torch import save_file

from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub
from gyre_service.adapters import CONFIG, WEIGHTS, seal

from ..conftest import Stack, until
from ..lamp import LOCAL, lamp

pytestmark = pytest.mark.skipif(
    os.environ.get("MODEL", "reference") != "reference", reason="the adapters are for the reference"
)

MODEL = Path(__file__).parents[2] / "models" / "reference" / "config.json"
VERDICT_S = 5.0
REFUSED_S = 150.0  # a folder that is not there is waited for
Weights: TypeAlias = dict[str, torch.Tensor]


@dataclass
class Made:
    """An adapter's folder and what is told of it; a case breaks one thing."""

    folder: Path
    config: dict[str, Any]
    weights: Weights
    base: str
    uri: str = ""  # default: the folder


def good(folder: Path, base: str) -> Made:
    """Return an adapter of the reference model that could be served."""
    model = json.loads(MODEL.read_text())
    width, out = model["hidden_size"], model["head_dim"] * model["num_attention_heads"]
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    weights = {
        f"{module}.lora_A.weight": torch.randn(8, width),
        f"{module}.lora_B.weight": torch.randn(out, 8),
    }
    return Made(folder, config, weights, base)


def rename(weights: Weights, old: str, new: str) -> Weights:
    return {name.replace(old, new): tensor.clone() for name, tensor in weights.items()}


def wrong_base(made: Made) -> None:
    made.base = "f" * 64


def rank_too_high(made: Made) -> None:
    made.config["r"] = 64
    (a, down), (b, up) = made.weights.items()
    made.weights = {a: torch.randn(64, down.shape[1]), b: torch.randn(up.shape[0], 64)}


def nan(made: Made) -> None:
    next(iter(made.weights.values()))[0, 0] = float("nan")


def extra_modules(made: Made) -> None:
    made.weights |= rename(made.weights, "layers.0", "layers.9")


def empty(made: Made) -> None:
    made.weights = {}


def renamed(made: Made) -> None:
    made.weights = rename(made.weights, "model.layers.0", "transformer.h.0")


def dora(made: Made) -> None:
    made.config["use_dora"] = True


def changes_nothing(made: Made) -> None:
    made.weights = {name: one * ("lora_A" in name) for name, one in made.weights.items()}


def truncated(made: Made) -> None:
    path = made.folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def pickled(made: Made) -> None:
    (made.folder / WEIGHTS).write_bytes(pickle.dumps({"lora": [1.0]}))


def missing_config(made: Made) -> None:
    (made.folder / CONFIG).unlink()


def path_traversal(made: Made) -> None:
    made.uri = f"file://{made.folder.parent}/other/../{made.folder.name}"


def stale_path(made: Made) -> None:
    shutil.rmtree(made.folder)


Break: TypeAlias = Callable[[Made], None]
# By when the thing is broken: before the files are written, before they are sealed, or after.
CONTENT: dict[Break, str] = {
    wrong_base: "was made for the base",
    rank_too_high: "r is 64, expected 1 to 16",
    nan: "not finite",
    extra_modules: "the base has no module model.layers.9.self_attn.q_proj",
    empty: "is empty: it holds no tensors",
    renamed: "the base has no module transformer.h.0.self_attn.q_proj",
    dora: "use_dora is True",
    changes_nothing: "the adapter changes nothing",
}
FILES: dict[Break, str] = {truncated: "is cut off", pickled: "is a pickle, which runs code"}
PLACES: dict[Break, str] = {
    missing_config: "an adapter is adapter_config.json and adapter_model.safetensors",
    path_traversal: "expected a path that ends with its whole digest",
    stale_path: "its path is stale",
}
ALL = CONTENT | FILES | PLACES
AT_THE_DOOR = (nan, empty, dora, truncated, pickled, missing_config)


def make(place: Path, base: str, broken: Break) -> tuple[Made, str]:
    """Return an adapter with one thing broken, and its digest."""
    made = good(place / "new", base)
    made.folder.mkdir(parents=True)
    if broken in CONTENT:
        broken(made)
    (made.folder / CONFIG).write_text(json.dumps(made.config))
    save_file(made.weights, made.folder / WEIGHTS)
    if broken in FILES:
        broken(made)
    digest = seal(made.folder, made.base, {})
    made.folder = made.folder.rename(place / digest)
    if broken in PLACES:
        broken(made)
    return made, digest


def tell(stack: Stack, route: dict[str, Any], digest: str, uri: str) -> None:
    """Say as a trainer that an adapter is there."""
    event = {
        "job_id": str(uuid4()),
        "route": route["name"],
        "base": {"name": route["base"], "digest": route["base_digest"]},
        "adapter_digest": digest,
        "adapter_uri": uri,
        "train": "1" * 64,
        "replay": "2" * 64,
        "examples": 1,
        "steps": 1,
        "loss": 0.1,
        "seconds": 1,
        "seed": 0,
        "decided_at": datetime.now(UTC).isoformat(),
    }
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "/test/trainer",
        "ce_type": "gyre.adapter-trained",
        "content-type": "application/json",
    }
    pairs = [(name, text.encode()) for name, text in headers.items()]

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
            await producer.send_and_wait(
                "adapter-trained",
                json.dumps(event).encode(),
                key=f"default/{route['name']}".encode(),
                headers=pairs,
            )

    asyncio.run(send())


class Asker:
    """Asks a route, with evidence, so that the engine has to answer; keeps who did."""

    def __init__(self, stub: Any, route: str) -> None:
        self._stub = stub
        self._route = route
        self.answered: list[tuple[str, str]] = []

    def ask(self) -> None:
        whole = self._stub.Complete(
            lamp(self._route, conversation_id=str(uuid4())), metadata=LOCAL, timeout=60
        )
        self.answered.append((whole.started.arm, whole.started.adapter))


@pytest.fixture
def route(api: httpx.Client, collection: str) -> dict[str, Any]:
    answer = api.put(f"/v1/routes/{collection}", json={"collection": collection})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def asker(stack: Stack, route: dict[str, Any]) -> Iterator[Asker]:
    with grpc.insecure_channel(stack.inference) as channel:
        made = Asker(InferenceServiceStub(channel), route["name"])

        def served() -> bool:
            try:
                made.ask()
            except grpc.RpcError:
                return False
            return True

        until(served, "the route is served")
        yield made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.__name__)
def test_it_is_refused_with_its_reason_and_questions_go_on(
    stack: Stack,
    api: httpx.Client,
    route: dict[str, Any],
    asker: Asker,
    tmp_path: Path,
    broken: Break,
) -> None:
    made, digest = make(tmp_path, route["base_digest"], broken)
    began = time.time()
    tell(stack, route, digest, made.uri or f"file://{tmp_path}/{digest}")

    def over() -> dict[str, Any]:
        asker.ask()
        found = api.get("/v1/rollouts", params={"route": route["name"]}).json()["data"]
        return next((one for one in found if one["stage"] == "rejected"), {})

    rollout = until(over, "the rollout is over", REFUSED_S)
    assert ALL[broken] in rollout["reason"]
    said = [
        (record.timestamp / 1000 - began, json.loads(record.value or b"{}"))
        for record in stack.read("adapter-loaded", began)
    ]
    [(after_s, told)] = [each for each in said if each[1]["adapter_digest"] == digest]
    assert told["outcome"] == "refused"
    assert after_s <= (REFUSED_S if broken is stale_path else VERDICT_S)
    assert ALL[broken] in told["reason"]
    asker.ask()
    assert set(asker.answered) == {("production", "")}


@pytest.mark.parametrize("broken", AT_THE_DOOR, ids=lambda broken: broken.__name__)
def test_one_that_can_be_seen_through_is_not_even_imported(
    stack: Stack, api: httpx.Client, route: dict[str, Any], tmp_path: Path, broken: Break
) -> None:
    made, _ = make(tmp_path, route["base_digest"], broken)
    command = [str(Path(sys.executable).parent / "gyre"), "adapter", "import", str(made.folder)]

    done = subprocess.run(
        [*command, "--route", route["name"]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"GYRE_PORT_BASE": str(stack.base), "COLUMNS": "1000"},
    )

    assert done.returncode != 0
    assert (CONFIG if broken is missing_config else ALL[broken]) in " ".join(
        (done.stdout + done.stderr).split()
    )
    assert not api.get("/v1/rollouts", params={"route": route["name"]}).json()["data"]
