"""What the console's pages say, and what they list."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from faststream.kafka import KafkaBroker

from gyre_events import TrainingFailed
from gyre_gateway.console import pages
from gyre_gateway.people import pseudonym
from gyre_gateway.store.examples import Dataset, Example
from gyre_service.database import transaction

from . import events
from .conftest import NOW, Stack
from .fakes import ANSWER_ID
from .test_console import answered, browser, csrf, sign_in
from .test_handlers import broker
from .test_loop import JOB, training

__all__ = ["broker", "browser"]


def example(number: int, route: str = "default") -> Example:
    return Example(
        tenant="default",
        example_id=UUID(int=number),
        route=route,
        answer_id=uuid4(),
        conversation_id=uuid4(),
        feedback_id=uuid4(),
        kind="edited",
        version=number,
        question=f"question {number}?",
        answer="so",
        passages=[],
        time=NOW + timedelta(minutes=number),
    )


async def test_the_newest_examples_are_shown_and_all_can_be_reached(
    browser: httpx.AsyncClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    async with transaction(stack.sessions) as session:
        for route, count in (("default", 5), ("hr", 1)):
            session.add(
                Dataset(tenant="default", route=route, digest="d", examples=count, time=NOW)
            )
        session.add_all([*(example(number) for number in range(1, 6)), example(9, "hr")])
    await sign_in(browser)

    path, seen = "/datasets", []
    while path:
        page = (await browser.get(path)).text
        seen.append([int(number) for number in re.findall(r"question (\d)\?", page)])
        assert "of 5 examples" in page
        older = re.search(r'href="(/datasets\?[^"]+)"', page.split("data-part")[1])
        path = older[1].replace("&amp;", "&") if older else ""

    assert seen == [[5, 4, 9], [3, 2], [1]]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"refused": True}, "without evidence there is no answer"),
        ({"refused": True, "no_context": True}, "Search was away"),
        ({}, "answered without documents"),
    ],
)
async def test_an_answer_without_sources_says_why(
    browser: httpx.AsyncClient, stack: Stack, fields: dict[str, Any], said: str
) -> None:
    event = await answered(stack, passages=(), cited=(), **fields)
    await sign_in(browser)

    page = (await browser.get(f"/answers/{event.answer_id}")).text

    told = ["without evidence there is no answer", "Search was away", "answered without documents"]
    assert [text for text in told if text in page] == [said]


async def test_only_a_job_that_waits_for_examples_says_so(
    browser: httpx.AsyncClient, broker: KafkaBroker
) -> None:
    await events.send(broker, training()[0])
    await sign_in(browser)
    said = "waits for enough corrected examples"
    assert said in (await browser.get("/jobs")).text
    failed = TrainingFailed(job_id=JOB, route="default", reason="too few", decided_at=NOW)
    await events.send(broker, failed)

    page = (await browser.get("/jobs")).text

    assert "too few" in page
    assert said not in page


async def test_answers_are_found_by_route_person_and_conversation(
    browser: httpx.AsyncClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 1)
    person = pseudonym("ada", "default", stack.gateway.pepper)
    wanted = [
        await answered(stack, route="hr", person=person, time=NOW + timedelta(minutes=minute))
        for minute in range(2)
    ]
    await answered(stack, time=NOW + timedelta(minutes=9))
    await sign_in(browser)

    async def found(**filters: str) -> list[str]:
        page = await browser.get("/answers", params={"route": "", "conversation": ""} | filters)
        assert page.status_code == 200
        older = re.search(r'href="(/answers\?[^"]+)"', page.text)
        shown = re.findall(r'href="/answers/([0-9a-f-]{36})"', page.text)
        if older:
            after = (await browser.get(older[1].replace("&amp;", "&"))).text
            shown += re.findall(r'href="/answers/([0-9a-f-]{36})"', after)
        return shown

    both = [str(event.answer_id) for event in reversed(wanted)]
    assert await found(route="hr") == await found(person="ada") == both
    assert await found(conversation=str(wanted[0].conversation_id)) == both[1:]


async def test_documents_are_found_by_collection_and_status(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    for name in ("a", "b"):
        form = {"csrf": await csrf(browser), "collection": name}
        await browser.post("/documents", data=form, files={"file": (f"{name}.md", b"x")})

    page = (await browser.get("/documents", params={"collection": "b", "status": ""})).text
    none = (await browser.get("/documents", params={"status": "rejected"})).text

    assert ("a.md" in page, "b.md" in page) == (False, True)
    assert "None of these" in none


async def test_an_answer_says_when_and_how_it_was_made(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    event = await answered(stack, finish_reason="length", cached=True)
    await sign_in(browser)

    page = (await browser.get(f"/answers/{event.answer_id}")).text

    assert '<time datetime="2026-01-01T00:00:00Z" title="2026-01-01 00:00:00 UTC">' in page
    assert f"/answers?conversation={event.conversation_id}" in page
    assert "length, from the cache" in page
    assert "<h1>" in page
    lineage = (await browser.get(f"/answers/{ANSWER_ID}/lineage")).text
    assert ANSWER_ID in lineage
    assert "&#34;drift&#34;: null" in lineage


@pytest.mark.parametrize(
    "path", ["/login", "/", "/documents", "/answers", "/drift", "/rollouts", "/jobs"]
)
async def test_every_field_has_a_name_for_those_who_do_not_see_it(
    browser: httpx.AsyncClient, path: str
) -> None:
    await sign_in(browser)
    page = (await browser.get(path)).text

    assert "<h1>" in page
    if path != "/login":
        assert f'<a href="{path}" aria-current="page">' in page
        assert 'role="status"' in page
    labelled = " ".join(re.findall(r"<label.*?</label>", page, re.S))
    for field in re.findall(r"<(?:input|select|textarea)[^>]*>", page):
        assert 'type="hidden"' in field or "aria-label=" in field or field in labelled
