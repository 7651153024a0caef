import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gyre_events import AnswerGenerated, AnswerScored, FeedbackGiven, Passage, Score
from gyre_gateway.console.router import console
from gyre_gateway.server import bind, serving_web
from gyre_gateway.store import answers, judgements
from gyre_gateway.web import make_web
from gyre_service.database import transaction

from .conftest import Stack

PATHS = ("/", "/documents", "/answers", "/datasets", "/routes", "/drift", "/jobs", "/rollouts")
NASTY = "<script>alert(1)</script>"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_web(stack.gateway, (console(),)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def sign_in(browser: httpx.AsyncClient, key: str = "local") -> httpx.Response:
    return await browser.post("/login", data={"key": key})


async def csrf(browser: httpx.AsyncClient, path: str = "/") -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', (await browser.get(path)).text)
    assert found
    return found[1]


async def answered(
    stack: Stack,
    tenant: str = "default",
    purpose: str = "live",
    score: float = 0.75,
    time: datetime = NOW,
    **fields: Any,
) -> AnswerGenerated:
    """Put an answer with a nasty passage and a score into the read model."""
    shared: dict[str, Any] = {
        "answer_id": uuid4(),
        "conversation_id": uuid4(),
        "rollout_id": uuid4(),
    }
    event = AnswerGenerated.model_validate(
        shared
        | {
            "route": "default",
            "purpose": purpose,
            "model": "gyre/default",
            "base_digest": "1" * 64,
            "prompt_digest": "2" * 64,
            "question": f"Where is {NASTY}?",
            "answer": f"Under the mat [1]. {NASTY}",
            "cited": (1,),
            "passages": (
                Passage(
                    chunk_id=uuid4(),
                    document_id=uuid4(),
                    version=1,
                    document=NASTY,
                    text=NASTY,
                    score=0.5,
                ),
            ),
        }
        | fields
    )
    scored = AnswerScored.model_validate(
        shared
        | {
            "route": "default",
            "purpose": purpose,
            "model": "gyre/default",
            "judge": "rules-v1",
            "scores": (Score(name="groundedness", value=score),),
        }
    )
    async with transaction(stack.sessions) as session:
        await answers.add(session, tenant, event, time)
        await judgements.add_scores(session, tenant, scored, time)
    return event


@pytest.mark.parametrize("path", PATHS)
async def test_who_is_not_signed_in_comes_to_the_login(
    browser: httpx.AsyncClient, path: str
) -> None:
    response = await browser.get(path)

    assert (response.status_code, response.headers["location"]) == (303, "/login")


async def test_a_key_signs_in_by_a_cookie_that_no_script_reads(browser: httpx.AsyncClient) -> None:
    response = await sign_in(browser)

    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    for path in PATHS:
        page = await browser.get(path)
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "<script>" not in page.text


@pytest.mark.parametrize(("trusted", "secure"), [("127.0.0.1", True), ("10.0.0.0/8", False)])
async def test_the_key_stays_on_https_where_a_trusted_proxy_ends_it(
    stack: Stack, trusted: str, secure: bool
) -> None:
    at = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{at.getsockname()[1]}"
    async with (
        serving_web(make_web(stack.gateway, (console(),)), at, trusted),
        httpx.AsyncClient(base_url=url, headers={"x-forwarded-proto": "https"}) as browser,
    ):
        cookie = (await sign_in(browser)).headers["set-cookie"]

    assert ("Secure" in cookie) is secure


async def test_a_wrong_key_is_told_so(browser: httpx.AsyncClient) -> None:
    response = await sign_in(browser, "nobody")

    assert response.status_code == 401
    assert "not known" in response.text
    assert "set-cookie" not in response.headers


async def test_an_answer_shows_its_sources_and_scores_as_text(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    event = await answered(stack)
    await sign_in(browser)

    page = (await browser.get(f"/answers/{event.answer_id}")).text

    assert NASTY not in page
    assert page.count("&lt;script&gt;") >= 4
    assert "groundedness" in page
    assert "0.75" in page
    assert "cosine 0.50" in page


async def test_another_tenant_sees_none_of_it(browser: httpx.AsyncClient, stack: Stack) -> None:
    event = await answered(stack)
    await sign_in(browser, "acme-key")

    assert (await browser.get(f"/answers/{event.answer_id}")).status_code == 404
    assert "Under the mat" not in (await browser.get("/answers")).text
    assert "groundedness" not in (await browser.get("/")).text


async def test_a_form_of_another_site_does_nothing(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    thumb = {"thumb": "up"}

    for token in ({}, {"csrf": "0" * 64}):
        response = await browser.post(f"/answers/{uuid4()}/feedback", data=thumb | token)
        assert response.status_code == 403

    assert stack.kafka.sent == []


@pytest.mark.parametrize("path", ["/ask", "/documents", "/logout", f"/answers/{uuid4()}/feedback"])
@pytest.mark.parametrize("cookie", ["", "gyre-key=nobody"])
async def test_what_a_stranger_sends_is_not_read(
    browser: httpx.AsyncClient, path: str, cookie: str
) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"--x")
        yield b"--x"

    kind = {"content-type": "multipart/form-data; boundary=x", "cookie": cookie}
    response = await browser.post(path, content=body(), headers=kind)

    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert read == []


async def test_only_documents_may_be_large(browser: httpx.AsyncClient) -> None:
    large = {"file": ("a.txt", b"x" * 60_000)}

    assert (await browser.post("/login", data={"key": "x" * 5000})).status_code == 413
    await sign_in(browser)
    token = {"csrf": await csrf(browser)}
    assert (await browser.post("/ask", files=large, data=token)).status_code == 413
    assert (await browser.post("/documents", files=large, data=token)).status_code == 303


@pytest.mark.parametrize("service", ["feedback", "ingestion", "retrieval"])
async def test_the_backlog_is_a_limit_here_too(
    browser: httpx.AsyncClient, stack: Stack, service: str
) -> None:
    await sign_in(browser)
    form = {"csrf": await csrf(browser), "thumb": "up"}
    stack.groups[service].waiting = 10_001

    if service == "feedback":
        response = await browser.post(f"/answers/{uuid4()}/feedback", data=form)
    else:
        response = await browser.post("/documents", data=form, files={"file": ("a.txt", b"x")})

    assert response.status_code == 429
    assert f"10001 records wait for {service}" in response.text
    assert stack.kafka.sent == []


async def test_a_correction_is_published(browser: httpx.AsyncClient, stack: Stack) -> None:
    await sign_in(browser)
    answer_id = uuid4()
    form = {"csrf": await csrf(browser), "edited_answer": " Behind the door [1]. "}

    response = await browser.post(f"/answers/{answer_id}/feedback", data=form)

    assert response.status_code == 303
    ((event, tenant, _, _),) = stack.kafka.sent
    assert isinstance(event, FeedbackGiven)
    assert (tenant, event.answer_id) == ("default", answer_id)
    assert (event.edited_answer, event.thumb) == ("Behind the door [1].", None)


async def test_a_correction_has_the_lines_of_the_answer_that_it_was_made_from(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    sent = "\r\n".join(["x" * 9] * 2_000)  # as a browser does, whatever the page had
    form = {"csrf": await csrf(browser), "edited_answer": sent, "comment": "a\r\nb"}

    response = await browser.post(f"/answers/{uuid4()}/feedback", data=form)

    assert response.status_code == 303
    ((event, *_),) = stack.kafka.sent
    assert isinstance(event, FeedbackGiven)
    assert (event.edited_answer, event.comment) == (sent.replace("\r", ""), "a\nb")


async def test_a_document_is_sent_and_removed(browser: httpx.AsyncClient, stack: Stack) -> None:
    await sign_in(browser)
    token = {"csrf": await csrf(browser)}

    sent = await browser.post(
        "/documents", data=token, files={"file": ("keys.md", b"Under the mat.", "text/markdown")}
    )

    assert sent.status_code == 303
    event = stack.kafka.sent[0][0]
    listed = (await browser.get("/documents")).text
    assert "keys.md" in listed
    removed = await browser.post(f"/documents/{event.key.decode()}/remove", data=token)
    assert removed.status_code == 303
    assert stack.kafka.sent[1][0].topic == "document-removed"


async def test_kafka_away_is_a_page_that_says_so(browser: httpx.AsyncClient, stack: Stack) -> None:
    await sign_in(browser)
    form = {"csrf": await csrf(browser), "thumb": "up"}
    stack.kafka.away = True

    response = await browser.post(f"/answers/{uuid4()}/feedback", data=form)

    assert response.status_code == 503
    assert "not acknowledged by Kafka" in response.text


@pytest.mark.parametrize("name", ["console.css", "live.js", "logo.svg"])
async def test_its_files_are_its_own(browser: httpx.AsyncClient, name: str) -> None:
    assert (await browser.get(f"/console/static/{name}")).status_code == 200
    assert (await browser.get("/console/static/..%2Frouter.py")).status_code == 404


@pytest.mark.parametrize("field", ["question", "comment", "edited_answer"])
async def test_a_text_that_no_database_keeps_is_refused(
    browser: httpx.AsyncClient, stack: Stack, field: str
) -> None:
    await sign_in(browser)
    path = "/ask" if field == "question" else f"/answers/{uuid4()}/feedback"

    response = await browser.post(path, data={"csrf": await csrf(browser), field: "a\0b"})

    assert response.status_code == 400
    assert "U+0000" in response.text
    assert (stack.kafka.sent, stack.inference.asked) == ([], [])


async def test_a_file_name_that_no_terminal_shows_is_refused(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    head = b'--x\r\nContent-Disposition: form-data; name="'
    body = head + b'csrf"\r\n\r\n' + (await csrf(browser)).encode() + b"\r\n"
    body += head + b'file"; filename="a\x01.md"\r\n\r\ntext\r\n--x--\r\n'

    response = await browser.post(
        "/documents", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )

    assert response.status_code == 400
    assert stack.kafka.sent == []
