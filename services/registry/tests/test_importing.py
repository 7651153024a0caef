"""An adapter from elsewhere, over RPC."""

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from numpy import zeros
from safetensors.numpy import save_file

from gyre_events import Base
from gyre_registry.deciding import ensure_routes, put_route
from gyre_registry.desired import Wish
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_service import adapters
from gyre_service.database import Sessions

from .conftest import ACME, BASE, OTHER, Published, Send, refusal
from .test_rollouts import changes


def sealed(folder: Path, base: str = BASE.digest) -> str:
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
    (folder / adapters.CONFIG).write_text(json.dumps(config))
    module = "base_model.model.q_proj"
    weights = {
        f"{module}.lora_A.weight": zeros((8, 4), dtype="float32"),
        f"{module}.lora_B.weight": zeros((4, 8), dtype="float32"),
    }
    save_file(weights, folder / adapters.WEIGHTS)
    return adapters.seal(folder, base, {})


async def test_an_adapter_from_elsewhere_becomes_a_candidate(
    send: Send, published: Published, stub: Any, tmp_path: Path
) -> None:
    digest = sealed(tmp_path / "mine")
    request = pb.ImportAdapterRequest(
        adapter_digest=digest, adapter_uri=f"file://{tmp_path}/mine", by="ada"
    )

    rollout = (await stub.ImportAdapter(request, metadata=ACME)).rollout

    assert (rollout.stage, rollout.adapter_digest, rollout.job_id) == ("candidate", digest, "")
    assert (rollout.history[0].by, rollout.history[0].reason) == ("ada", "is imported")
    arm = (await changes(published))[-1].arms[1]
    assert (arm.name, arm.share, arm.adapter_digest) == ("candidate", 0, digest)
    [listed] = (await stub.ListAdapters(pb.ListAdaptersRequest(), metadata=ACME)).adapters
    assert (listed.digest, listed.stage, listed.route) == (digest, "candidate", "default")


async def test_an_adapter_that_is_not_what_it_should_be_is_not_imported(
    send: Send, stub: Any, tmp_path: Path
) -> None:
    digest = sealed(tmp_path / "mine")
    other = sealed(tmp_path / "other", OTHER.digest)
    mine, others = f"file://{tmp_path}/mine", f"file://{tmp_path}/other"

    for fields, expected in (
        ({"adapter_digest": "e" * 64, "adapter_uri": mine}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"adapter_digest": other, "adapter_uri": others}, grpc.StatusCode.INVALID_ARGUMENT),
        (
            {"adapter_digest": digest, "adapter_uri": f"{mine}-not-there"},
            grpc.StatusCode.UNAVAILABLE,
        ),
        (
            {"adapter_digest": digest, "adapter_uri": mine, "route": "other"},
            grpc.StatusCode.NOT_FOUND,
        ),
    ):
        code, _ = await refusal(
            stub.ImportAdapter(pb.ImportAdapterRequest(**fields), metadata=ACME)
        )
        assert code is expected
    assert not (await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)).rollouts


@pytest.mark.parametrize("base", [BASE, OTHER])
async def test_others_decide_while_an_adapter_is_fetched(
    sessions: Sessions, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: Base
) -> None:
    route = await put_route(sessions, "acme", Wish("default"), BASE)
    digest = sealed(tmp_path / "mine")
    fetch = adapters.fetch

    async def decide_first(uri: str, cache: Path) -> Path:
        await ensure_routes(sessions, [("acme", route)], base)
        return await fetch(uri, cache)

    monkeypatch.setattr(adapters, "fetch", decide_first)
    request = pb.ImportAdapterRequest(adapter_digest=digest, adapter_uri=f"file://{tmp_path}/mine")
    call = stub.ImportAdapter(request, metadata=ACME)

    if base == BASE:
        assert (await call).rollout.stage == "candidate"
    else:
        code, message = await refusal(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "was made for the base aaaaaaaaaaaa, served is bbbbbbbbbbbb" in message
        assert not (await stub.ListAdapters(pb.ListAdaptersRequest(), metadata=ACME)).adapters
