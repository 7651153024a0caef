import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gyre_feedback import retention
from gyre_service.database import Sessions
from gyre_service.errors import Unavailable
from gyre_service.ids import now

from .conftest import Published, Send, answer, feedback


def waiting() -> float | None:
    return REGISTRY.get_sample_value("gyre_feedback_waiting")


async def test_an_old_answer_is_forgotten_and_what_came_of_it_stays(
    send: Send, published: Published, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = answer(), answer()
    await send(old)
    await send(feedback(old))
    early = feedback(answer())
    await send(early)
    monkeypatch.setattr("gyre_feedback.handlers.now", lambda: now() + timedelta(days=29))
    await send(new)
    assert await retention.prune(sessions, days=30) == 0
    monkeypatch.setattr("gyre_feedback.retention.now", lambda: now() + timedelta(days=31))

    assert await retention.prune(sessions, days=30) == 1

    await send(feedback(old, comment="too late"))
    await send(feedback(new))
    assert [verdict.answer_id for verdict in published.verdicts] == [
        old.answer_id,
        new.answer_id,
    ]
    assert published.examples[-1].examples == 2
    await retention.count(sessions)
    assert waiting() == 2


async def test_the_gauge_says_how_much_waits(send: Send, sessions: Sessions) -> None:
    given = answer()
    await send(feedback(given))
    await send(feedback(given, person="bob", thumb="up"), ce_tenant="shop")
    await retention.count(sessions)
    assert waiting() == 2

    await send(given)
    await retention.count(sessions)

    assert waiting() == 1


async def test_a_database_that_is_away_for_a_moment_does_not_end_it(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[str] = []
    counted = asyncio.Event()

    async def failing(*_: Any) -> int:
        turns.append("prune")
        if len(turns) == 1:
            raise Unavailable("database: locked")
        return 0

    async def count(_: Sessions) -> None:
        turns.append("count")
        counted.set()

    monkeypatch.setattr(retention, "prune", failing)
    monkeypatch.setattr(retention, "count", count)
    monkeypatch.setattr(retention, "COUNT_S", 0)
    task = asyncio.create_task(retention.keep(sessions, 30))

    await asyncio.wait_for(counted.wait(), 5)
    task.cancel()
    await asyncio.wait([task])

    assert turns[:3] == ["prune", "prune", "count"]
