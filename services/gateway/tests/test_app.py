import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from faststream import TestApp
from faststream.asgi import AsgiFastStream
from faststream.kafka import TestKafkaBroker
from pydantic import SecretStr, ValidationError
from sqlmodel import select

from gyre_events import ApiKeyChanged
from gyre_gateway import backlog
from gyre_gateway.access import ensure_keys
from gyre_gateway.app import make_app
from gyre_gateway.backlog import WAITS, Backlog
from gyre_gateway.server import bind
from gyre_gateway.settings import Settings, parse_keys
from gyre_gateway.store.keys import Key
from gyre_service import process
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Rejected
from gyre_service.kafka import Broker
from gyre_service.kafka.outbox import Outbox
from gyre_service.keys import key_hash

from . import events
from .conftest import LOCAL, FakeGroup, FakeRollouts, rollout


class FakeTable(FakeRollouts):
    def __init__(self, settings: Settings, event: Any, changed: Any) -> None:
        super().__init__()
        self.changed = changed

    async def start(self) -> None:
        self.add("default", "default")
        self.changed("default", rollout("default"))

    async def stop(self) -> None:
        self.table.clear()


@asynccontextmanager
async def nobody_waits(settings: Settings) -> AsyncIterator[Backlog]:
    yield Backlog({service: FakeGroup() for service in WAITS}, settings.max_lag)


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[AsgiFastStream, str]:
    """Return the application, and where it serves once it is started."""
    monkeypatch.setattr(process, "Table", FakeTable)
    monkeypatch.setattr(backlog, "following", nobody_waits)
    with bind("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
    app = make_app(Settings(home=tmp_path, http_port=port, drain_s=0))
    return app, f"http://127.0.0.1:{port}"


async def test_the_gateway_starts_serves_and_stops(gateway: tuple[AsgiFastStream, str]) -> None:
    app, url = gateway
    assert isinstance(app.broker, Broker)

    async with (
        TestKafkaBroker(app.broker) as broker,
        TestApp(app),
        httpx.AsyncClient(base_url=url, headers=LOCAL) as http,
    ):
        models = (await http.get("/v1/models")).json()["data"]
        assert [model["id"] for model in models] == ["gyre/default"]
        async with http.stream("GET", "/v1/events") as live:
            lines = live.aiter_lines()
            assert await anext(lines) == ": connected"
            await events.send(broker, events.generated())
            async with asyncio.timeout(10):
                while not (line := await anext(lines)).startswith("event:"):
                    pass
            assert line == "event: answer"

    async with httpx.AsyncClient(base_url=url) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/v1/models")


async def test_whoever_can_ask_finds_the_broker_there(
    gateway: tuple[AsgiFastStream, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = gateway
    assert isinstance(app.broker, Broker)
    answered: dict[str, bool] = {}

    async def look(when: str) -> None:
        async with httpx.AsyncClient(base_url=url, headers=LOCAL) as http:
            try:
                answered[when] = (await http.get("/v1/models", timeout=1)).is_success
            except httpx.TransportError:
                answered[when] = False

    def seen(when: str, inner: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def outer(*args: Any) -> None:
            await look(when)
            await inner(*args)

        return outer

    async with TestKafkaBroker(app.broker):
        for name, when in (("start", "starting"), ("stop", "stopping")):
            monkeypatch.setattr(app.broker, name, seen(when, getattr(app.broker, name)))
        async with TestApp(app):
            await look("started")

    assert answered == {"starting": False, "started": True, "stopping": False}


async def test_the_end_of_an_answer_does_not_wait_for_its_beginning() -> None:
    """Nagle's algorithm is off on what asyncio accepts."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        accepted.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    at = bind("127.0.0.1", 0)
    async with await asyncio.start_server(note, sock=at):
        _, writer = await asyncio.open_connection(*at.getsockname())
        assert await asyncio.wait_for(accepted, 5)
        writer.close()


async def test_keys_are_kept_as_hashes_and_announced_at_every_start(
    sessions: Sessions, settings: Settings
) -> None:
    for _ in range(2):
        await ensure_keys(sessions, settings)

    async with snapshot(sessions) as session:
        rows = {row.tenant: row for row in await session.exec(select(Key))}
        announced = [
            (row.headers["ce_tenant"], row.id, ApiKeyChanged.model_validate_json(row.body))
            for row in await session.exec(select(Outbox))
        ]
    assert set(rows) == {"default", "acme"}
    assert rows["acme"].hash == key_hash("acme-key", "embedded")
    assert "acme-key" not in repr(rows["acme"])
    assert {(tenant, event.revision) for tenant, _, event in announced} == {
        ("default", 1),
        ("acme", 1),
    }
    assert len(announced) == 4
    assert len({id for _, id, _ in announced}) == 2


async def test_a_key_comes_and_goes_with_a_revision(sessions: Sessions, tmp_path: Path) -> None:
    for keys in ("a:acme,b:acme", "a:acme", "a:acme,b:acme"):
        await ensure_keys(sessions, Settings(home=tmp_path, api_keys=SecretStr(keys)))

    async with snapshot(sessions) as session:
        rows = await session.exec(select(Outbox).order_by("position"))
        events = [ApiKeyChanged.model_validate_json(row.body) for row in rows]
    states = [(e.revision, e.revoked) for e in events if e.hash == key_hash("b", "embedded")]
    assert states == [(1, False), (2, True), (3, False)]


async def test_a_start_that_names_no_keys_changes_none(sessions: Sessions, tmp_path: Path) -> None:
    for keys in ("a:acme,b:acme", "a:acme", ""):
        await ensure_keys(sessions, Settings(home=tmp_path, api_keys=SecretStr(keys)))

    async with snapshot(sessions) as session:
        rows = {row.hash: row for row in await session.exec(select(Key))}
        announced = (await session.exec(select(Outbox))).all()
    states = {
        key: (rows[key_hash(key, "embedded")].revision, rows[key_hash(key, "embedded")].revoked)
        for key in ("a", "b")
    }
    assert states == {"a": (1, False), "b": (2, True)}
    assert len(rows) == 2
    assert len(announced) == 6


async def test_the_first_start_makes_a_key_that_everybody_knows(
    sessions: Sessions, tmp_path: Path
) -> None:
    await ensure_keys(sessions, Settings(home=tmp_path))

    async with snapshot(sessions) as session:
        [row] = await session.exec(select(Key))
    assert (row.hash, row.tenant) == (key_hash("local", "embedded"), "default")


async def test_a_key_keeps_its_tenant(sessions: Sessions, tmp_path: Path) -> None:
    await ensure_keys(sessions, Settings(home=tmp_path, api_keys=SecretStr("a:acme")))

    with pytest.raises(Rejected, match="a key keeps its tenant"):
        await ensure_keys(sessions, Settings(home=tmp_path, api_keys=SecretStr("a:umbrella")))


@pytest.mark.parametrize("keys", ["", "local", ":default", "a b:x", "a:", "a:A", "a:x,a:y", "a:x,"])
def test_keys_that_are_none_stop_the_start(keys: str) -> None:
    with pytest.raises(ValueError, match="entry"):
        parse_keys(keys)
    with pytest.raises(ValueError, match="expected a tenant") as caught:
        parse_keys("default:sk-SECRET")  # the wrong way round
    assert "SECRET" not in str(caught.value)
    if keys:
        with pytest.raises(ValidationError):
            Settings(api_keys=SecretStr(keys))
