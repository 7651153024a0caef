import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlmodel import select

from gyre_gateway import access, perimeter
from gyre_gateway.access import ensure_keys
from gyre_gateway.console.router import console
from gyre_gateway.perimeter import Bounded
from gyre_gateway.settings import Settings
from gyre_gateway.store import keys
from gyre_gateway.store.keys import Key
from gyre_gateway.web import make_web
from gyre_service.database import transaction
from gyre_service.errors import Unavailable

from .conftest import ACME, LOCAL, Stack, error_of

CHAT = {"model": "gyre/default", "messages": [{"role": "user", "content": "Where?"}]}


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic local", "local", "Bearer \xe9"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/documents"), ("GET", "/v1/nothing")]
)
async def test_nobody_without_a_key_comes_in(
    http: httpx.AsyncClient, authorization: str | None, method: str, path: str
) -> None:
    del http.headers["authorization"]
    name = b"authorization"
    headers = {} if authorization is None else {name: authorization.encode("latin-1")}

    response = await http.request(method, path, headers=headers, content=b"not read")

    assert response.status_code == 401
    assert error_of(response)["code"] == "invalid_api_key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-request-id"]


async def test_a_key_that_left_the_settings_is_revoked(
    http: httpx.AsyncClient, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100, 10)).__next__
    monkeypatch.setattr(access, "monotonic", clock)
    fewer = Settings(home=tmp_path, api_keys=SecretStr("acme-key:acme"))
    await ensure_keys(stack.sessions, fewer)

    assert (await http.get("/v1/models")).status_code == 401

    await ensure_keys(stack.sessions, stack.gateway.settings)
    assert (await http.get("/v1/models")).status_code == 200


async def test_a_key_is_known_for_a_second_and_read_again_beside_requests(
    http: httpx.AsyncClient, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = 5.0
    monkeypatch.setattr(access, "monotonic", lambda: time)
    assert (await http.get("/v1/models")).status_code == 200
    await ensure_keys(stack.sessions, Settings(home=tmp_path, api_keys=SecretStr("b-key:acme")))

    time = 5.4
    assert (await http.get("/v1/models")).status_code == 200
    time = 5.9
    assert (await http.get("/v1/models")).status_code == 200  # it has just begun to read
    await stack.gateway.callers.close()
    assert (await http.get("/v1/models")).status_code == 401


async def test_a_key_that_cannot_be_read_again_is_known_no_longer(
    http: httpx.AsyncClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = 5.0
    monkeypatch.setattr(access, "monotonic", lambda: time)
    assert (await http.get("/v1/models")).status_code == 200

    async def away(*_: object) -> None:
        raise Unavailable("database: away")

    monkeypatch.setattr(keys, "by_hash", away)
    time = 5.9
    assert (await http.get("/v1/models")).status_code == 200
    time = 6.0
    assert (await http.get("/v1/models")).status_code == 503


async def test_what_does_not_exist_says_so_in_the_same_shape(http: httpx.AsyncClient) -> None:
    missing = await http.get("/v1/assistants")
    wrong = await http.get("/v1/chat/completions")

    assert (missing.status_code, error_of(missing)["code"]) == (404, "not_found")
    assert (wrong.status_code, error_of(wrong)["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"model": 1}'])
async def test_what_is_no_request_is_a_bad_request(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )

    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"
    assert not str(error_of(response)["param"]).startswith("[")


async def test_a_bug_tells_a_client_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack.rollouts, "rows", lambda: 1 / 0)
    transport = httpx.ASGITransport(stack.web, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=LOCAL
    ) as http:
        response = await http.get("/v1/models")

    assert response.status_code == 500
    assert error_of(response)["message"] == "internal error: see the gateway's log"


async def test_too_many_at_once_are_told_to_come_back(
    settings: Settings, stack: Stack, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.inference.hangs = True
    stack.rollouts.add("acme", "default")
    monkeypatch.setitem(settings.__dict__, "max_concurrent_requests", 4)
    running = []
    for headers in (LOCAL, ACME):
        for _ in range(2):
            asked = http.post("/v1/chat/completions", json=CHAT, headers=headers)
            running.append(asyncio.create_task(asked))
            await asyncio.wait_for(stack.inference.arrivals.get(), 10)
        response = await http.get("/v1/models", headers=headers)
        of = "2 requests of yours" if headers is LOCAL else "4 requests are"

        assert response.status_code == 429
        assert response.headers["retry-after"] == "2"
        assert error_of(response)["code"] == "rate_limit_exceeded"
        assert of in error_of(response)["message"]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert (await http.get("/v1/models")).status_code == 200


async def test_who_signs_in_and_who_looks_have_a_share_of_the_places_too(
    settings: Settings, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.__dict__, "max_concurrent_requests", 4)
    stack.inference.hangs = True
    web = make_web(stack.gateway, (console(),))
    cookie = {"cookie": "gyre-key=local", "content-type": "application/x-www-form-urlencoded"}
    slow, read = asyncio.Event(), asyncio.Semaphore(0)

    async def body() -> AsyncIterator[bytes]:
        read.release()
        await slow.wait()
        yield b"key=local"

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(web), base_url="http://gateway"
    ) as client:
        for path in ("/login", "/ask"):
            sent = [
                asyncio.create_task(client.post(path, content=body(), headers=cookie))
                for _ in range(2)
            ]
            for _ in sent:
                await asyncio.wait_for(read.acquire(), 10)

            assert (await client.post(path, headers=cookie)).status_code == 429
            assert (await client.get("/v1/models", headers=ACME)).status_code == 200
            slow.set()
            await asyncio.gather(*sent)
            slow.clear()


async def test_a_body_that_does_not_come_is_not_waited_for(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perimeter, "BODY_WAIT_S", 0.05)

    async def body() -> AsyncIterator[bytes]:
        while True:  # something each time, and never enough
            yield b"{"
            await asyncio.sleep(0.02)

    sent = http.post("/v1/chat/completions", content=body())
    response = await asyncio.wait_for(sent, 10)

    assert response.status_code == 408
    assert response.headers["connection"] == "close"
    assert "too slowly" in error_of(response)["message"]


async def test_who_has_sent_all_of_a_body_may_wait_longer_than_it_took(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perimeter, "BODY_WAIT_S", 0.05)
    heard: list[str] = []
    sent = iter([{"type": "http.request", "body": b"x", "more_body": False}])

    async def receive() -> Any:
        if message := next(sent, None):
            return message
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    async def app(_: Any, receive: Any, __: Any) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    async def nowhere(_: Any) -> None: ...

    scope = {"type": "http", "path": "/v1/models", "headers": []}
    await Bounded(app, lambda: stack.gateway)(scope, receive, nowhere)

    assert heard == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("path", ["/v1/events", "/console/events"])
async def test_what_stays_open_takes_nobodys_place(stack: Stack, path: str) -> None:
    opened = asyncio.Event()

    async def app(*_: Any) -> None:
        opened.set()
        await asyncio.Event().wait()

    async def nothing(*_: Any) -> Any:
        return {}

    bounded = Bounded(app, lambda: stack.gateway)
    scope = {"type": "http", "path": path, "headers": []}
    tab = asyncio.create_task(bounded(scope, nothing, nothing))
    await asyncio.wait_for(opened.wait(), 10)

    assert bounded.running == 0
    tab.cancel()
    await asyncio.gather(tab, return_exceptions=True)


async def test_the_description_has_every_path_and_our_errors(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()

    assert {"/v1/chat/completions", "/v1/documents", "/v1/feedback", "/v1/events"} <= set(
        described["paths"]
    )
    for path, operations in described["paths"].items():
        assert path.startswith("/v1/")
        for operation in operations.values():
            assert "HTTPValidationError" not in str(operation["responses"])
            assert operation["security"] == [{"HTTPBearer": []}]


async def test_a_key_does_what_its_scopes_say(http: httpx.AsyncClient, stack: Stack) -> None:
    async with transaction(stack.sessions) as session:
        row = (await session.exec(select(Key).where(Key.tenant == "default"))).one()
        row.scopes = ["ask"]
        session.add(row)

    assert (await http.post("/v1/chat/completions", json=CHAT)).status_code == 200
    for path in ("/v1/documents", "/v1/answers", "/v1/datasets", "/v1/routes", "/v1/events"):
        response = await http.get(path)
        assert response.status_code == 403
        assert error_of(response)["code"] == "insufficient_scope"


async def test_a_trace_goes_on_to_inference(http: httpx.AsyncClient, stack: Stack) -> None:
    trace.set_tracer_provider(TracerProvider())
    caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

    await http.post("/v1/chat/completions", json=CHAT, headers=caller)

    assert "0af7651916cd43dd8448eb211c80319c" in stack.inference.metadata["traceparent"]


async def test_a_span_is_named_by_its_route_and_not_by_what_is_asked_for(stack: Stack) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", provider)
        web = stack.web
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(web), base_url="http://gateway", headers=LOCAL
    ) as http:
        await http.get(f"/v1/answers/{uuid4()}")
        await http.get(f"/v1/nothing/{uuid4()}")
        await http.request("WORD", "/v1/answers", headers={"authorization": ""})

    named = [
        (one.name, (one.attributes or {}).get("http.route"))
        for one in exporter.get_finished_spans()
    ]
    route = "/v1/answers/{answer_id}"
    assert named == [(f"GET {route}", route), ("GET", None), ("_OTHER", None)]


async def test_long_answers_are_told_apart_and_any_method_is_one_label(
    http: httpx.AsyncClient,
) -> None:
    for method in ("GET", "WORD"):
        await http.request(method, "/v1/models", headers={"authorization": ""})

    labels = {"method": "_OTHER", "route": "none", "status": "401"}
    name = "gyre_http_duration_seconds"
    assert REGISTRY.get_sample_value(f"{name}_count", labels)
    assert REGISTRY.get_sample_value(f"{name}_count", labels | {"method": "WORD"}) is None
    for bound in ("0.01", "1.28", "81.92", "327.68"):
        assert REGISTRY.get_sample_value(f"{name}_bucket", labels | {"le": bound}) is not None
