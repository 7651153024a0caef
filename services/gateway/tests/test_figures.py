import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import select, text

from gyre_events import VerdictRecorded
from gyre_gateway.console import figures
from gyre_gateway.console.figures import WINDOW, Figures
from gyre_gateway.store import judgements
from gyre_gateway.store.answers import Answer
from gyre_gateway.store.documents import Document
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.ids import now

from .conftest import NOW, Stack
from .test_console import answered, browser, sign_in

__all__ = ["browser"]


async def counted(stack: Stack, tenant: str = "default") -> Figures:
    async with snapshot(stack.sessions) as session:
        return await figures.count(session, tenant, NOW - WINDOW)


async def test_the_day_counts_what_people_were_shown_by_route(stack: Stack) -> None:
    costs: dict[str, Any] = {"cost": "0.25", "currency": "USD"}
    await answered(stack, latency_s=1, **costs)
    await answered(stack, score=0.25, refused=True, latency_s=3, **costs)
    await answered(stack, refused=True, no_context=True, **costs | {"currency": "EUR"})
    await answered(stack, route="hr")
    await answered(stack, purpose="shadow", score=0)
    await answered(stack, tenant="acme", score=0)
    await answered(stack, time=NOW - WINDOW - timedelta(seconds=1))

    found = await counted(stack)

    assert (found.answers, list(found.routes)) == (5, ["default", "hr"])
    day = found.routes["default"]
    assert (day.answers, day.refused, day.no_context, day.latency_s) == (3, 1, 1, 4)
    assert day.costs == {"USD": 0.5, "EUR": 0.25}
    assert day.scores == {"groundedness": pytest.approx(1.75 / 3)}


async def judge(stack: Stack, answer_id: UUID, by: str | None, thumb: str, second: int) -> None:
    event = VerdictRecorded(
        feedback_id=uuid4(),
        answer_id=answer_id,
        conversation_id=uuid4(),
        rollout_id=uuid4(),
        route="default",
        model="gyre/default",
        by=by,
        thumb=thumb,
        decided_at=NOW + timedelta(seconds=second),
    )
    async with transaction(stack.sessions) as session:
        await judgements.add_verdict(session, "default", event)


async def test_of_each_person_and_answer_the_newest_thumb_counts(stack: Stack) -> None:
    one, other = uuid4(), uuid4()
    await judge(stack, one, None, "down", 2)
    await judge(stack, one, None, "up", 1)
    await judge(stack, one, "person-a", "up", 1)
    await judge(stack, other, None, "up", 1)

    assert (await counted(stack)).thumbs == {"up": 2, "down": 1}


async def test_those_who_wait_together_share_what_was_counted_since_they_came(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, count = stack.gateway.counting, figures.count
    begun: list[str] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(session: Any, tenant: str, since: Any) -> Figures:
        begun.append(tenant)
        began.set()
        await go_on.wait()
        return await count(session, tenant, since)

    monkeypatch.setattr(figures, "count", slow)
    first = asyncio.create_task(counting.of("default"))
    await began.wait()
    await answered(stack)
    rest = [asyncio.create_task(counting.of("default")) for _ in range(20)]
    await asyncio.sleep(0)
    go_on.set()

    assert [one.answers for one in await asyncio.gather(*rest)] == [1] * 20
    await first
    assert begun == ["default"] * 2


async def test_a_page_of_rows_is_read_in_the_order_of_its_index(sessions: Sessions) -> None:
    pages: dict[str, Any] = {
        "ix_gateway_answer_newest": select(Answer)
        .where(Answer.tenant == "default", Answer.purpose == "live")
        .order_by(text("time desc, answer_id desc")),
        "ix_gateway_document_newest": select(Document)
        .where(Document.tenant == "default", Document.status != "removed")
        .order_by(text("time desc, document_id desc")),
    }
    async with snapshot(sessions) as session:
        for index, query in pages.items():
            query_text = str(query.compile(compile_kwargs={"literal_binds": True}))
            plan = str((await session.exec(text(f"EXPLAIN QUERY PLAN {query_text}"))).all())  # type: ignore[call-overload]
            assert index in plan
            assert "TEMP B-TREE" not in plan


async def test_the_overview_shows_the_day(browser: httpx.AsyncClient, stack: Stack) -> None:
    await answered(stack, time=now(), latency_s=1.5, cost="0.25", currency="USD")
    await sign_in(browser)

    page = (await browser.get("/")).text

    assert "0.2500 USD" in page
    assert "groundedness 0.75" in page
