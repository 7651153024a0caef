"""A question asked in the console."""

import asyncio
import re
from typing import Any

import httpx

from gyre_gateway.console.router import console
from gyre_gateway.web import make_web

from .conftest import Stack
from .fakes import ANSWER_ID
from .test_console import browser, csrf, sign_in

__all__ = ["browser"]


async def test_a_question_leads_to_its_answer_which_is_awaited(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    form = {"csrf": await csrf(browser), "question": "Where is the key?"}

    response = await browser.post("/ask", data=form)

    assert response.status_code == 200
    assert "The key is under the mat [1]." in response.text
    assert "keys.md" in response.text
    for page in (response, await browser.get(f"/answers/{ANSWER_ID}")):
        assert f'data-at="/answers/{ANSWER_ID}"' in page.text
        assert "data-awaited" in page.text
    assert page.status_code == 404


async def test_a_question_sent_twice_is_asked_once(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    asked = []
    for question, new_form in (
        ("Where?", True),
        ("Where?", False),
        ("Why?", False),
        ("Why?", True),
    ):
        if new_form:
            page = (await browser.get("/")).text
            hidden = dict(re.findall(r'name="(csrf|form_id)" value="([^"]+)"', page))
        await browser.post("/ask", data=hidden | {"question": question})
        asked.append(stack.inference.metadata["gyre-request-id"])

    assert asked[0] == asked[1]
    assert len(set(asked)) == 3


async def test_a_question_of_somebody_who_left_is_not_answered(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    stack.inference.hangs = True
    body = httpx.QueryParams({"csrf": await csrf(browser), "question": "Where?"})
    arriving = [{"type": "http.request", "body": str(body).encode()}]

    async def receive() -> Any:
        if arriving:
            return arriving.pop()
        await stack.inference.started.wait()
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    headers = [
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"cookie", f"gyre-key={browser.cookies['gyre-key']}".encode()),
    ]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/ask", "headers": headers}
    scope |= {"query_string": b"", "scheme": "http", "server": ("gateway", 80)}
    await make_web(stack.gateway, (console(),))(scope, receive, send)

    await asyncio.wait_for(stack.inference.cancelled.wait(), 10)
