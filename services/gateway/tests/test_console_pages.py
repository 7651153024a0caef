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
from gyre_gateway.store.examples import Dataset, Example
from gyre_service.database import transaction

from . import events
from .conftest import NOW, Stack
from .test_console import answered, browser, sign_in
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
