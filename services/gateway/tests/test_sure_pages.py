"""What cannot be taken back is asked again on a page that names it."""

import re
from uuid import uuid4

import httpx
import pytest
from faststream.kafka import KafkaBroker

from . import events
from .conftest import Stack
from .fakes import ROLLOUT
from .test_console import browser, csrf, sign_in
from .test_handlers import broker
from .test_loop import remedy

__all__ = ["broker", "browser"]


async def test_a_list_only_leads_to_what_cannot_be_taken_back(
    browser: httpx.AsyncClient, broker: KafkaBroker
) -> None:
    await events.send(broker, remedy(state="proposed"))
    await sign_in(browser)
    token = {"csrf": await csrf(browser)}
    await browser.post("/documents", data=token, files={"file": ("keys.md", b"x")})

    for path in ("/documents", "/drift", "/rollouts"):
        parts = (await browser.get(path)).text.split("data-part", 1)[1]
        assert "<form" not in parts
        assert "<input" not in parts


@pytest.mark.parametrize(
    ("act", "named"),
    [
        ("promote", "Promote adapter bbbbbbbbbbbbbbbb on default?"),
        ("rollback", "Roll back adapter bbbbbbbbbbbbbbbb on default?"),
    ],
)
async def test_a_rollout_is_named_before_it_is_decided(
    browser: httpx.AsyncClient, stack: Stack, act: str, named: str
) -> None:
    await sign_in(browser)
    path = f"/rollouts/{ROLLOUT.rollout_id}/{act}"
    assert f'href="{path}"' in (await browser.get("/rollouts")).text

    page = (await browser.get(path)).text

    assert named in page
    assert "shown to 10.0 %" in page
    assert f'action="{path}"' in page
    assert len(re.findall("<button", page.split("<main>")[1])) == 1
    assert (await browser.get(f"/rollouts/{uuid4()}/{act}")).status_code == 404
    assert stack.registry.decided == []


@pytest.mark.parametrize("act", ["approve", "refuse"])
async def test_a_remedy_is_named_before_it_is_decided(
    browser: httpx.AsyncClient, broker: KafkaBroker, stack: Stack, act: str
) -> None:
    wanted = remedy(state="proposed")
    await events.send(broker, wanted)
    await sign_in(browser)
    path = f"/remedies/{wanted.remedy_id}/{act}"

    page = (await browser.get(path)).text

    assert f"{act.capitalize()} {wanted.remedy} on {wanted.route}?" in page
    assert wanted.reason in page
    await events.send(broker, remedy(state="lapsed"))
    assert (await browser.get(path)).status_code == 400
    assert stack.kafka.sent == []


async def test_a_document_is_named_before_it_goes(browser: httpx.AsyncClient, stack: Stack) -> None:
    await sign_in(browser)
    token = {"csrf": await csrf(browser)}
    await browser.post("/documents", data=token, files={"file": ("a<b>.md", b"x")})
    path = f"/documents/{stack.kafka.sent[0][0].key.decode()}/remove"
    assert f'href="{path}"' in (await browser.get("/documents")).text

    assert "Remove a&lt;b&gt;.md?" in (await browser.get(path)).text
    assert (await browser.post(path, data=token)).status_code == 303

    assert (await browser.get(path)).status_code == 404
