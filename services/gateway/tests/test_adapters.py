"""Adapters that somebody brings along."""

from typing import Any

import httpx
import pytest
from numpy import zeros
from safetensors.numpy import save

from gyre_rpc.registry.v1 import registry_pb2
from gyre_service import adapters

from .conftest import Stack, error_of

CONFIG = b"""{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "bias": "none",
    "target_modules": ["q_proj"]}"""
WEIGHTS = save(
    {
        "base_model.model.q_proj.lora_A.weight": zeros((8, 4), dtype="float32"),
        "base_model.model.q_proj.lora_B.weight": zeros((4, 8), dtype="float32"),
    }
)


def files(config: bytes = CONFIG, **others: bytes) -> dict[str, tuple[str, bytes]]:
    parts = {adapters.CONFIG: config, adapters.WEIGHTS: WEIGHTS} | others
    return {name: (name, content) for name, content in parts.items()}


async def test_an_adapter_is_sealed_stored_and_handed_on(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    stack.registry.routes["default", "hr"] = registry_pb2.Route(name="hr", base_digest="1" * 64)

    response = await http.post("/v1/adapters", data={"route": "hr"}, files=files())

    assert response.status_code == 201, response.text
    (asked,) = stack.registry.imported
    assert response.json()["adapter_digest"] == asked.adapter_digest
    folder = await adapters.fetch(asked.adapter_uri, stack.gateway.settings.home)
    manifest = adapters.verify(folder, asked.adapter_digest, "1" * 64)
    assert manifest.about == {"imported": True}
    (listed,) = (await http.get("/v1/adapters")).json()["data"]
    assert listed["digest"] == "b" * 64


async def test_an_import_that_is_sent_again_is_one_rollout(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    stack.registry.routes["default", "hr"] = registry_pb2.Route(name="hr", base_digest="1" * 64)

    async def send(key: str | None, config: bytes = CONFIG) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        sent = {"data": {"route": "hr"}, "files": files(config), "headers": headers}
        return await http.post("/v1/adapters", **sent)  # type: ignore[arg-type]

    for key in ("once", "once", "other", None, None):
        assert (await send(key)).status_code == 201
    other = await send("once", CONFIG.replace(b"16", b"32"))

    ids = [asked.rollout_id for asked in stack.registry.imported]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(ids) - 1 == 4
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("route", "parts", "message"),
    [
        ("hr", {}, "no adapter_config.json"),
        ("hr", {adapters.CONFIG: ("x", CONFIG)}, "no adapter_model.safetensors"),
        ("hr", files(b"{}"), "peft_type is None"),
        ("hr", files(b"no"), "is not JSON"),
        ("hr", files(b""), "is empty"),
        ("hr", files(**{adapters.WEIGHTS: WEIGHTS[:-1]}), "is cut off"),
        ("hr", files(**{adapters.WEIGHTS: b"\x80\x02."}), "is a pickle, which runs code"),
        ("nowhere", files(), "there is no route 'nowhere'"),
        ("A b", files(), "route: String should match"),
    ],
)
async def test_what_is_no_adapter_is_refused(
    http: httpx.AsyncClient, stack: Stack, route: str, parts: Any, message: str
) -> None:
    stack.registry.routes["default", "hr"] = registry_pb2.Route(name="hr", base_digest="1" * 64)
    body = parts or {"other": ("x", b"x")}

    response = await http.post("/v1/adapters", data={"route": route}, files=body)

    assert response.status_code in (400, 404)
    assert message in error_of(response)["message"]
    assert stack.registry.imported == []
