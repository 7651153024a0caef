"""What the console shows where something is not possible, and what it keeps."""

from uuid import uuid4

import httpx
import pytest

from gyre_events import FeedbackGiven
from gyre_gateway.settings import Settings

from .conftest import Stack
from .test_console import NASTY, browser, csrf, sign_in

__all__ = ["browser"]
PAGE = {"accept": "text/html,*/*;q=0.8"}


async def test_what_was_written_is_kept_and_can_be_sent_again(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    token = {"csrf": await csrf(browser)}
    path, written = f"/answers/{uuid4()}/feedback", {"edited_answer": f"{NASTY}\nit is.", "x": "1"}
    stack.kafka.away = True

    response = await browser.post(path, data=token | written)

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    page = response.text
    assert "not acknowledged by Kafka" in page
    assert "<nav" in page
    assert f'action="{path}"' in page
    assert ">\n&lt;script&gt;alert(1)&lt;/script&gt;\nit is.</textarea>" in page
    assert '<input type="hidden" name="x" value="1">' in page
    assert page.count(f'value="{token["csrf"]}"') == 2  # sign out, send again


async def test_what_is_too_long_is_kept_too(browser: httpx.AsyncClient, stack: Stack) -> None:
    await sign_in(browser)
    form = {"csrf": await csrf(browser), "question": "why " * 1001}

    response = await browser.post("/ask", data=form)

    assert response.status_code == 400
    assert form["question"] in response.text
    assert stack.inference.asked == []


@pytest.mark.parametrize("token", [{}, {"csrf": "0" * 64}])
async def test_what_another_site_has_written_is_not_offered(
    browser: httpx.AsyncClient, token: dict[str, str]
) -> None:
    await sign_in(browser)
    response = await browser.post("/ask", data={"question": "theirs"} | token)

    assert response.status_code == 403
    assert "theirs" not in response.text


async def test_who_looks_stays_signed_in_and_a_tab_by_itself_does_not(
    browser: httpx.AsyncClient,
) -> None:
    await sign_in(browser)

    looked = (await browser.get("/answers")).headers.get_list("set-cookie")
    by_itself = await browser.get("/answers", headers={"x-live": "1"})
    static = await browser.get("/console/static/live.js")

    assert [cookie.split("=")[0] for cookie in looked] == ["gyre-key", "gyre-session"]
    for cookie in looked:
        assert {"HttpOnly", "Max-Age=43200", "SameSite=strict"} <= set(cookie.split("; "))
    assert "set-cookie" not in by_itself.headers
    assert "set-cookie" not in static.headers


async def test_each_who_signs_in_is_a_person_and_the_same_one_while_it_lasts(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    for _ in range(2):
        await sign_in(browser)
        form = {"csrf": await csrf(browser), "thumb": "up"}
        for _ in range(2):
            await browser.post(f"/answers/{uuid4()}/feedback", data=form)
        await browser.post("/logout", data=form)

    events = [event for event, *_ in stack.kafka.sent]
    people = [event.person for event in events if isinstance(event, FeedbackGiven)]
    assert people[0] == people[1] != people[2] == people[3]
    assert all(person and person.startswith("person-") for person in people)


async def test_a_browser_is_shown_pages_and_no_json(
    browser: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        await browser.get("/nothing", headers=PAGE),
        await browser.post("/login", content=b"x" * 5000, headers=PAGE),
    ]
    monkeypatch.setitem(settings.__dict__, "max_concurrent_requests", 0)
    found.append(await browser.get("/answers", headers=PAGE))

    assert [one.status_code for one in found] == [404, 413, 429]
    for one in found:
        assert one.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in one.headers["content-security-policy"]
        assert "That did not work" in one.text
    assert found[2].headers["retry-after"] == "2"
    api = await browser.get("/v1/nothing", headers=PAGE)
    assert api.headers["content-type"] == "application/json"
