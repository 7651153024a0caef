import httpx
import pytest

from .conftest import ACME, NOW, Stack, error_of


async def test_models_are_the_tenants_routes_default_first(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    for tenant, route in [("default", "billing"), ("acme", "support")]:
        stack.rollouts.add(tenant, route)

    body = (await http.get("/v1/models")).json()

    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == ["gyre/default", "gyre/billing"]
    assert body["data"][0] == {
        "id": "gyre/default",
        "object": "model",
        "created": int(NOW.timestamp()),
        "owned_by": "gyre",
        "root": "reference",
        "parent": None,
    }
    others = (await http.get("/v1/models", headers=ACME)).json()["data"]
    # The definition of `default` is everyone's who has none; other routes are nobody else's.
    assert [model["id"] for model in others] == ["gyre/default", "gyre/support"]


async def test_one_model(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/models/gyre/default")).json()["id"] == "gyre/default"
    assert (await http.get("/v1/models/gyre%2Fdefault")).json()["id"] == "gyre/default"


@pytest.mark.parametrize("model", ["gyre/missing", "gpt-4o", "gyre/support"])
async def test_a_model_of_nobody_or_of_another_tenant_is_not_found(
    http: httpx.AsyncClient, stack: Stack, model: str
) -> None:
    stack.rollouts.add("acme", "support")

    response = await http.get(f"/v1/models/{model}")

    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"
