import json

import httpx
import pytest

from .conftest import ACME, Stack, error_of


async def test_a_route_is_made_and_listed_for_its_tenant_only(http: httpx.AsyncClient) -> None:
    body = {"collection": "house", "prompt": "Be brief.", "policy": {"passages": 2}}
    made = (await http.put("/v1/routes/support", json=body)).json()

    assert (made["name"], made["model"], made["collection"]) == (
        "support",
        "gyre/support",
        "house",
    )
    assert made["policy"] == {"passages": 2}
    assert (await http.get("/v1/routes")).json()["data"] == [made]
    assert (await http.get("/v1/routes", headers=ACME)).json()["data"] == []


@pytest.mark.parametrize(
    ("name", "body"),
    [("Support", {}), ("a b", {}), ("x", {"collection": "../x"}), ("x", {"policy": []})],
)
async def test_what_is_no_route_is_refused(
    http: httpx.AsyncClient, stack: Stack, name: str, body: object
) -> None:
    response = await http.put(f"/v1/routes/{name}", json=body)

    assert response.status_code == 400
    assert stack.registry.routes == {}


async def test_a_suite_is_kept_as_yaml(http: httpx.AsyncClient, stack: Stack) -> None:
    kind = {"content-type": "application/yaml"}
    response = await http.put("/v1/suites/house", content="items: []\n", headers=kind)

    assert response.json()["name"] == "house"
    assert stack.evaluation.suites == {"house": "items: []\n"}
    assert [one["name"] for one in (await http.get("/v1/suites")).json()["data"]] == ["house"]
    for wrong in (b"", b" \n", b"\xff"):
        response = await http.put("/v1/suites/house", content=wrong, headers=kind)
        assert response.status_code == 400


async def test_an_evaluation_streams_items_and_then_its_report(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    body = {"suite": "house", "adapter": "a" * 64, "limit": 1, "retrieve": True}
    response = await http.post("/v1/evaluations", json=body)

    assert response.headers["content-type"].startswith("application/x-ndjson")
    item, report = (json.loads(line) for line in response.text.splitlines())
    assert (item["item"]["item_id"], item["item"]["passed"]) == ("1", True)
    assert item["item"]["error"] == ""
    assert (report["report"]["suite"], report["report"]["ok"]) == ("house", True)
    (asked,) = stack.evaluation.asked
    assert (asked.route, asked.adapter, asked.limit) == ("default", "a" * 64, 1)
    assert asked.retrieve


async def test_an_evaluation_that_fails_says_so_where_it_is(http: httpx.AsyncClient) -> None:
    before = await http.post("/v1/evaluations", json={"suite": "missing"})
    within = await http.post("/v1/evaluations", json={"suite": "broken"})

    assert before.status_code == 404
    assert "no suite 'missing'" in error_of(before)["message"]
    assert within.status_code == 200
    assert "the engine is gone" in json.loads(within.text.splitlines()[-1])["error"]["message"]
    wrong = await http.post("/v1/evaluations", json={"suite": "x", "adapter": "no name"})
    assert wrong.status_code == 400
