import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gyre_client import AsyncGyre, Gyre, GyreError, NotSettled, Unreachable


def test_an_answer_is_text_first_and_then_its_sources(fake: Any) -> None:
    with Gyre() as gyre, gyre.ask("How many days?", max_tokens=7) as asking:
        texts = list(asking)
        answer = asking.answer()

    assert texts == ["You have ", "30 days [1]."]
    assert answer.text == "You have 30 days [1]."
    assert answer.passages[0].document == "handbook/leave.md"
    assert (answer.refused, answer.finish_reason, answer.model) == (False, "stop", "gyre/default")
    assert json.loads(fake.requests[0]["body"])["max_tokens"] == 7


def test_the_whole_answer_needs_no_iteration(fake: Any) -> None:
    with Gyre() as gyre:
        assert gyre.ask("How many days?").answer().text == "You have 30 days [1]."


def test_who_stopped_iterating_may_still_have_the_whole(fake: Any) -> None:
    with Gyre() as gyre, gyre.ask("How many days?") as asking:
        assert next(iter(asking)) == "You have "
        assert asking.answer().text == "You have 30 days [1]."


def test_a_document_is_ingested_listed_and_removed(fake: Any) -> None:
    with Gyre() as gyre:
        for name in ("a.md", "b.md", "c.md"):
            assert gyre.ingest(name, name.encode()).status == "indexed"
        assert [document.name for document in gyre.documents()] == ["a.md", "b.md", "c.md"]
        assert [d.name for d in gyre.documents(collection="other")] == []

        first = next(gyre.documents())
        gyre.remove(first.id)
        assert gyre.document(first.id).status == "removed"

    pages = [r["query"] for r in fake.requests if r["path"] == "/v1/documents" and r["query"]]
    assert [page.get("after") for page in pages[:2]] == [None, first_of(fake, 1)]


def first_of(fake: Any, at: int) -> str:
    return str(list(fake.documents)[at])


async def test_the_async_client_does_the_same(fake: Any) -> None:
    fake.lists = {"/v1/models": {"data": [{"id": "gyre/default"}]}}
    fake.evaluation_parts = [b'{"report": {"suite": "smoke", "ok": true}}\n']
    async with AsyncGyre() as gyre:
        assert (await gyre.ingest("a.md", b"a")).status == "indexed"
        assert [document.name async for document in gyre.documents()] == ["a.md"]
        async with await gyre.ask("How many days?") as asking:
            assert [text async for text in asking] == ["You have ", "30 days [1]."]
            answer = await asking.answer()
        assert await gyre.feedback(str(answer.answer_id), thumb="up")
        assert [model.id for model in await gyre.models()] == ["gyre/default"]
        assert (await (await gyre.evaluate("smoke")).report()).ok
        with pytest.raises(GyreError, match="no such document"):
            await gyre.document("missing")


async def test_the_async_client_says_that_nothing_answers() -> None:
    async with AsyncGyre("http://127.0.0.1:1", retries=0) as gyre:
        with pytest.raises(Unreachable, match="does not answer at http"):
            await gyre.models()


@contextmanager
def dropping(answers: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve one connection per answer; an empty one is closed without a word."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                with server.accept()[0] as connection:
                    requests.append(connection.recv(65536))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", requests
        thread.join(timeout=10)


def whole(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_a_connection_that_breaks_is_tried_again_with_the_same_key() -> None:
    with dropping([b"", whole('{"feedback_id": "f"}')]) as (url, requests), Gyre(url) as gyre:
        assert gyre.feedback("a", thumb="down") == "f"

    keys = [line for r in requests for line in r.lower().split(b"\r\n") if b"idempotency" in line]
    assert len(keys) == 2
    assert keys[0] == keys[1]


@pytest.mark.parametrize("body", ["<html>", "[]", '{"data": [{"name": 1}]}'])
def test_another_program_on_the_port_is_noticed(body: str) -> None:
    with (
        dropping([whole(body)]) as (url, _),
        Gyre(url) as gyre,
        pytest.raises(GyreError, match="answered something else than Gyre's API says"),
    ):
        gyre.models()


def test_an_error_that_is_not_gyres_says_where_it_came_from() -> None:
    page = b"HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\n<html>"
    with (
        dropping([page]) as (url, _),
        Gyre(url) as gyre,
        pytest.raises(GyreError, match="/v1/models answered 500"),
    ):
        gyre.models()


def test_a_silent_gyre_is_not_waited_for_forever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with (
            Gyre(url, timeout_s=0.1) as gyre,
            pytest.raises(Unreachable, match="did not answer in time"),
        ):
            gyre.models()


def test_a_document_that_never_settles_is_an_error(fake: Any) -> None:
    fake.looks_until_settled = 10**9

    with Gyre() as gyre, pytest.raises(NotSettled, match="gyre documents show"):
        gyre.ingest("a.md", b"a", timeout_s=0)


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda gyre: gyre.document(""), "names nothing"),
        (lambda gyre: gyre.document(".."), "names nothing"),
        (lambda gyre: gyre.feedback("a"), "say something"),
        (lambda gyre: gyre.feedback("a", score=float("nan")), "cannot be sent"),
        (lambda gyre: gyre.ask(""), "the question is empty"),
    ],
)
def test_a_wrong_call_is_refused_before_it_is_sent(
    fake: Any, do: Callable[[Gyre], object], said: str
) -> None:
    with Gyre() as gyre, pytest.raises(GyreError, match=said):
        do(gyre)

    assert fake.requests == []


def test_a_name_is_one_part_of_a_path(fake: Any) -> None:
    with Gyre() as gyre, pytest.raises(GyreError):
        gyre.document("a/../../v1/routes?x=1")

    assert fake.requests[0]["path"].startswith("/v1/documents/a")
    assert fake.requests[0]["query"] == {}
