import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable
from sqlmodel import SQLModel, select

from gyre_gateway.api.events import stream
from gyre_gateway.live import BATCH, BOUND, Feed, News
from gyre_gateway.settings import Settings
from gyre_gateway.store import changes, repeats
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Overloaded
from gyre_service.ids import now

from .conftest import Stack, error_of


async def note(sessions: Sessions, tenant: str, *values: int) -> None:
    async with transaction(sessions) as session:
        for value in values:
            changes.note(session, tenant, "answer", {"value": value})


async def take(events: AsyncIterator[str], count: int) -> list[str]:
    async with asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


@pytest.fixture
async def feed(stack: Stack) -> AsyncIterator[Feed]:
    await stack.gateway.feed.begin()
    task = asyncio.create_task(stack.gateway.feed.run())
    yield stack.gateway.feed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_tenant_hears_its_own_changes_in_order(stack: Stack, feed: Feed) -> None:
    events: Any = stream(stack.gateway, "default", None)
    assert await take(events, 1) == [": connected\n\n"]

    await note(stack.sessions, "acme", 1)
    await note(stack.sessions, "default", 2, 3)
    feed.tell("default", News("rollout", {"route": "default"}))

    told = await take(events, 3)
    assert 'event: rollout\ndata: {"route": "default"}\n\n' in told
    told.remove('event: rollout\ndata: {"route": "default"}\n\n')
    assert told == [
        'id: 2\nevent: answer\ndata: {"value": 2}\n\n',
        'id: 3\nevent: answer\ndata: {"value": 3}\n\n',
    ]
    await events.aclose()


async def test_another_replica_writes_and_this_one_tells(
    stack: Stack, feed: Feed, settings: Settings
) -> None:
    """Both read the table; neither needs to have consumed the event."""
    other = Feed(stack.sessions, settings.poll_s, 8)
    await other.begin()
    task = asyncio.create_task(other.run())
    with feed.listening("default") as here, other.listening("default") as there:
        await note(stack.sessions, "default", 1)
        async with asyncio.timeout(10):
            for listener in (here, there):
                news = await listener.queue.get()
                assert news is not None
                assert news.data == {"value": 1}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_client_that_comes_again_misses_nothing(stack: Stack, feed: Feed) -> None:
    await note(stack.sessions, "default", 1, 2, 3)

    events: Any = stream(stack.gateway, "default", 1)

    assert await take(events, 3) == [
        ": connected\n\n",
        'id: 2\nevent: answer\ndata: {"value": 2}\n\n',
        'id: 3\nevent: answer\ndata: {"value": 3}\n\n',
    ]
    await events.aclose()


async def test_a_client_that_comes_again_after_long_misses_nothing_either(stack: Stack) -> None:
    """Nor does it hear twice what happens while it catches up."""
    feed = stack.gateway.feed
    await note(stack.sessions, "default", *range(1, 2 * BOUND + 4))
    await feed.begin()
    events: Any = stream(stack.gateway, "default", 1)
    told = await take(events, 1 + BOUND)

    await note(stack.sessions, "default", 2 * BOUND + 4)
    await feed._look()
    told += await take(events, BOUND + 3)
    feed.tell("default", News("rollout", {}))

    assert [event.split()[1] for event in told[1:]] == [str(n) for n in range(2, 2 * BOUND + 5)]
    assert await take(events, 1) == ["event: rollout\ndata: {}\n\n"]
    await events.aclose()


async def test_what_was_committed_out_of_order_is_heard_after_catching_up(
    stack: Stack, sessions: Sessions
) -> None:
    await note(sessions, "default", 1, 2, 3)
    async with transaction(sessions) as session:
        late = await session.get(changes.Change, 2)
        assert late is not None
        await session.delete(late)
    events: Any = stream(stack.gateway, "default", 0)
    told = await take(events, 3)

    for position in (3, 2, 4):
        stack.gateway.feed.tell("default", News("answer", {"value": position}, position))
    told += await take(events, 2)

    assert [event.split()[1] for event in told[1:]] == ["1", "3", "2", "4"]
    await events.aclose()


async def test_who_comes_from_a_database_that_is_gone_begins_at_now(
    stack: Stack, feed: Feed
) -> None:
    events: Any = stream(stack.gateway, "default", 10**18 - 1)
    told = await take(events, 1)

    await note(stack.sessions, "default", 1)
    told += await take(events, 1)

    assert told[-1] == 'id: 1\nevent: answer\ndata: {"value": 1}\n\n'
    await events.aclose()


async def test_all_that_one_look_finds_sends_nobody_away(stack: Stack) -> None:
    feed = stack.gateway.feed
    await feed.begin()
    with feed.listening("default") as listener:
        await note(stack.sessions, "default", *range(BATCH))
        await feed._look()

        assert listener.queue.qsize() == BATCH
        assert listener in feed._listeners


async def test_a_slow_client_is_sent_away_and_others_go_on(stack: Stack) -> None:
    feed = stack.gateway.feed
    with feed.listening("default") as slow, feed.listening("default") as quick:
        for number in range(BOUND + 5):
            feed.tell("default", News("answer", {"value": number}))
            assert (await quick.queue.get()) is not None

        told = [slow.queue.get_nowait() for _ in range(slow.queue.qsize())]

    assert len(told) == BOUND + 1
    assert told[-1] is None


async def test_a_stop_ends_every_stream(stack: Stack, feed: Feed) -> None:
    events: Any = stream(stack.gateway, "default", None)
    await take(events, 1)

    feed.close()

    assert [event async for event in events] == []


async def test_there_is_room_for_so_many(
    stack: Stack, http: httpx.AsyncClient, settings: Settings
) -> None:
    feed = Feed(stack.sessions, settings.poll_s, 2)
    with feed.listening("default"):
        with pytest.raises(Overloaded, match="1 live clients of yours"):
            feed.check_room("default")
        feed.check_room("acme")
        with feed.listening("acme"), pytest.raises(Overloaded, match="2 live clients"):
            feed.check_room("other")
    feed.check_room("default")

    wrong = await http.get("/v1/events", headers={"Last-Event-ID": "x"})
    assert (wrong.status_code, error_of(wrong)["param"]) == (400, "last-event-id")


async def test_only_the_newest_changes_are_kept(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEPT", 2)
    await note(sessions, "default", 1, 2, 3, 4)

    async with transaction(sessions) as session:
        await changes.forget(session)

    async with snapshot(sessions) as session:
        kept = await changes.since(session, 0, 10)
    assert [row.data["value"] for row in kept] == [3, 4]


def test_positions_and_sizes_do_not_end_at_32_bits() -> None:
    table = SQLModel.metadata.tables["gateway_change"]
    dialects: list[Any] = [postgresql.dialect(), sqlite.dialect()]  # type: ignore[no-untyped-call]
    made = [str(CreateTable(table).compile(dialect=dialect)) for dialect in dialects]

    assert "position BIGSERIAL" in made[0]
    assert "position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT" in made[1]
    documents = CreateTable(SQLModel.metadata.tables["gateway_document"])
    assert "size_bytes BIGINT" in str(documents.compile(dialect=dialects[0]))


async def test_idempotency_keys_are_kept_a_day(
    stack: Stack, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "AT_ONCE", 2)
    async with transaction(sessions) as session:
        for hours in (1, 23, 25, 26, 50, 100, 1000):
            time = now() - timedelta(hours=hours)
            await repeats.claim(session, "default", "feedback", str(hours), "", time)

    async def kept() -> set[str]:
        async with snapshot(sessions) as session:
            return {row.key for row in await session.exec(select(repeats.Repeat))}

    assert len(await kept()) == 7
    await stack.gateway.feed._forget()
    assert await kept() == {"1", "23"}
