import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gyre_events import DocumentIndexed, DocumentRemoved, DocumentSubmitted, Encoder
from gyre_gateway.store import documents
from gyre_service.database import transaction
from gyre_service.ids import now

from .conftest import ACME, Stack, error_of

URL = "/v1/documents"
TEXT = {"name": "keys.md", "content": "The key is under the mat."}


def file(content: bytes, name: str = "keys.md", kind: str = "text/markdown") -> dict[str, Any]:
    return {"file": (name, content, kind)}


def blobs(stack: Stack) -> list[bytes]:
    found = Path(stack.gateway.settings.blob_url).rglob("*")
    return [path.read_bytes() for path in found if path.is_file()]


async def index(stack: Stack, number: int = -1, version: int = 1) -> None:
    """Let search find what was submitted."""
    event, tenant, _, time = stack.kafka.sent[number]
    assert isinstance(event, DocumentSubmitted)
    done = DocumentIndexed(
        document_id=event.document_id,
        collection=event.collection,
        name=event.name,
        version=version,
        sha256=event.sha256,
        chunks=3,
        encoder=Encoder(name="fake", digest="3" * 64, dimension=2),
    )
    async with transaction(stack.sessions) as session:
        await documents.apply(session, tenant, done, time)


async def test_a_small_document_travels_in_its_event(http: httpx.AsyncClient, stack: Stack) -> None:
    response = await http.post(URL, files=file(b"\xff\x00 bytes"), data={"collection": "house"})

    body = response.json()
    assert response.status_code == 202
    assert (body["name"], body["collection"], body["status"]) == ("keys.md", "house", "submitted")
    assert body["sha256"] == hashlib.sha256(b"\xff\x00 bytes").hexdigest()
    ((event, tenant, _, _),) = stack.kafka.sent
    assert isinstance(event, DocumentSubmitted)
    assert tenant == "default"
    assert str(event.document_id) == body["id"]
    assert event.content == b"\xff\x00 bytes"
    assert (event.media_type, event.size_bytes, event.dataref) == ("text/markdown", 8, None)
    shown = (await http.get(f"{URL}/{body['id']}")).json()
    assert (shown["status"], shown["version"], shown["size_bytes"]) == ("submitted", None, 8)


async def test_a_large_document_travels_beside_its_event(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    content = b"x" * 5000
    await http.post(URL, files=file(content))
    await http.post(URL, files=file(content, "../../copy.pdf", "application/octet-stream"))

    first, second = (event for event, *_ in stack.kafka.sent)
    assert isinstance(first, DocumentSubmitted)
    assert isinstance(second, DocumentSubmitted)
    digest = hashlib.sha256(content).hexdigest()
    assert first.content is None
    assert first.dataref == f"{stack.gateway.settings.blob_url}/{digest[:2]}/{digest}"
    assert second.dataref == first.dataref
    assert (second.name, second.media_type) == ("../../copy.pdf", "application/pdf")
    assert blobs(stack) == [content]


async def test_a_text_comes_as_json(http: httpx.AsyncClient, stack: Stack) -> None:
    response = await http.post(URL, json=TEXT)

    assert response.status_code == 202
    event = stack.kafka.sent[0][0]
    assert isinstance(event, DocumentSubmitted)
    assert event.content == TEXT["content"].encode()
    assert (event.collection, event.media_type) == ("default", "text/markdown")


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("a.html", "text/html; charset=windows-1251", "text/html; charset=windows-1251"),
        ("a.html", 'Text/HTML;x=y; Charset = "KOI8-R" ;z=1', "text/html; charset=koi8-r"),
        ("a.txt", "text/plain; boundary=x", "text/plain"),
        ("a.txt", "text/plain; charset=", "text/plain"),
        ("a.txt", 'text/plain; charset="a b"', "text/plain"),
        ("a.txt", "text/plain; xcharset=latin-1", "text/plain"),
        ("a.txt", f"text/plain; charset={'x' * 41}", "text/plain"),
        ("a.md", "application/octet-stream; charset=cp1251", "text/markdown; charset=cp1251"),
    ],
)
async def test_a_character_set_stays_with_its_document(
    http: httpx.AsyncClient, stack: Stack, name: str, said: str, kept: str
) -> None:
    await http.post(URL, files=file("Ключ".encode("cp1251"), name, said))
    await http.post(URL, json={"name": name, "content": "Ключ", "media_type": said})

    first, second = (getattr(event, "media_type", "") for event, *_ in stack.kafka.sent)
    assert first == kept
    assert "charset" not in second


async def test_several_documents_come_at_once(http: httpx.AsyncClient, stack: Stack) -> None:
    files = [("file", (f"{n}.txt", str(n).encode(), "text/plain")) for n in range(3)]

    body = (await http.post(URL, files=files)).json()

    assert [one["name"] for one in body["data"]] == ["0.txt", "1.txt", "2.txt"]
    assert len({id for _, _, id, _ in stack.kafka.sent}) == 3


async def test_the_same_name_is_the_same_document_and_the_same_bytes_are_unchanged(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    first = (await http.post(URL, json=TEXT)).json()
    await index(stack)

    again = (await http.post(URL, json=TEXT)).json()
    other = (await http.post(URL, json=TEXT | {"content": "It is gone."})).json()

    assert first["id"] == again["id"] == other["id"]
    assert (again["status"], other["status"]) == ("unchanged", "submitted")
    assert len(stack.kafka.sent) == 2
    elsewhere = (await http.post(URL, json=TEXT | {"collection": "b"})).json()
    assert elsewhere["id"] != first["id"]


async def test_the_same_bytes_of_another_media_type_are_submitted(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    await http.post(URL, json=TEXT)
    await index(stack)

    other = (await http.post(URL, json=TEXT | {"media_type": "text/html"})).json()

    assert other["status"] == "submitted"
    assert len(stack.kafka.sent) == 2


async def test_bytes_that_search_has_no_longer_are_not_unchanged(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    """An older submission became the newest version."""
    await http.post(URL, json=TEXT)
    newer = TEXT | {"content": "It is gone."}
    await http.post(URL, json=newer)
    await index(stack, 1, 2)
    await index(stack, 0, 3)

    assert (await http.post(URL, json=newer)).json()["status"] == "submitted"
    await index(stack, 2, 4)
    assert (await http.post(URL, json=newer)).json()["status"] == "unchanged"


async def test_nothing_is_accepted_while_kafka_is_away(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    stack.kafka.away = True

    response = await http.post(URL, json=TEXT)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert error_of(response)["type"] == "server_error"
    assert (await http.get(URL)).json()["data"] == []


async def test_a_repeated_request_is_the_same_event(http: httpx.AsyncClient, stack: Stack) -> None:
    key = {"Idempotency-Key": "once"}
    stack.kafka.away = True
    assert (await http.post(URL, json=TEXT, headers=key)).status_code == 503
    stack.kafka.away = False

    for _ in range(2):
        assert (await http.post(URL, json=TEXT, headers=key)).status_code == 202
    other = await http.post(URL, json=TEXT | {"content": "else"}, headers=key)

    assert len({id for _, _, id, _ in stack.kafka.sent}) == 1
    assert other.status_code == 422
    assert error_of(other)["code"] == "idempotency_key_reused"
    theirs = await http.post(URL, json=TEXT | {"content": "else"}, headers=key | ACME)
    assert theirs.status_code == 202


@pytest.mark.parametrize(
    ("sent", "status", "param"),
    [
        ({"json": {"name": "x"}}, 400, "content"),
        ({"json": {"name": "", "content": "x"}}, 400, "name"),
        ({"json": {"name": "a\nb", "content": "x"}}, 400, "name"),
        ({"json": TEXT | {"collection": "../etc"}}, 400, "collection"),
        ({"json": TEXT | {"content": ""}}, 400, "content"),
        ({"json": ["x"]}, 400, None),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, None),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 400, None),
        ({"content": b"x"}, 400, None),
        ({"files": {"document": ("a", b"x")}}, 400, "file"),
        ({"files": {"file": (None, b"x")}}, 400, "file"),
        ({"files": file(b"")}, 400, "file"),
        ({"files": file(b"x"), "data": {"collection": "a b"}}, 400, "collection"),
        ({"files": file(b"x" * 100_001)}, 413, "file"),
        ({"files": file(b"x" * 2_000_000)}, 413, None),
        ({"json": TEXT | {"content": "x" * 60_000}}, 413, None),
        (
            {
                "content": b"--x",
                "headers": {"content-type": "multipart/form-data"},
            },
            400,
            None,
        ),
    ],
)
async def test_what_is_no_document_is_refused(
    http: httpx.AsyncClient, stack: Stack, sent: dict[str, Any], status: int, param: str | None
) -> None:
    response = await http.post(URL, **sent)

    assert response.status_code == status
    assert error_of(response)["param"] == param
    assert stack.kafka.sent == []


async def test_a_body_without_a_length_is_counted(http: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 10_000

    response = await http.post(URL, content=endless(), headers={"content-type": "application/json"})

    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


async def test_lists_have_filters_and_pages(http: httpx.AsyncClient, stack: Stack) -> None:
    for number in range(5):
        await http.post(URL, json=TEXT | {"name": f"{number}.md"})
    await http.post(URL, json=TEXT | {"collection": "house"})
    await index(stack)

    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        body = (await http.get(URL, params=query)).json()
        seen += [one["name"] for one in body["data"]]
        if not body["has_more"]:
            break
        query["after"] = body["data"][-1]["id"]

    assert seen == ["keys.md", "4.md", "3.md", "2.md", "1.md", "0.md"]
    (one,) = (await http.get(URL, params={"collection": "house"})).json()["data"]
    assert (one["status"], one["version"], one["chunks"]) == ("indexed", 1, 3)
    indexed = (await http.get(URL, params={"status": "indexed"})).json()["data"]
    assert indexed == [one]
    for wrong in (
        {"limit": 0},
        {"limit": 1000},
        {"status": "lost"},
        {"after": "x"},
        {"after": str(uuid4())},
    ):
        assert (await http.get(URL, params=wrong)).status_code == 400


async def test_a_document_is_removed(http: httpx.AsyncClient, stack: Stack) -> None:
    id = (await http.post(URL, json=TEXT)).json()["id"]

    response = await http.delete(f"{URL}/{id}")

    assert response.status_code == 202
    assert response.json() == {"id": id, "object": "document", "deleted": True}
    event = stack.kafka.sent[-1][0]
    assert isinstance(event, DocumentRemoved)
    assert str(event.document_id) == id
    assert (await http.get(URL)).json()["data"] == []
    assert (await http.get(f"{URL}/{id}")).json()["status"] == "removed"


async def test_what_is_said_later_has_a_later_time_though_the_clock_was_put_back(
    http: httpx.AsyncClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever handles both has only their times to tell which is the newer one."""
    id = (await http.post(URL, json=TEXT)).json()["id"]
    hour_ago = now() - timedelta(hours=1)
    monkeypatch.setattr("gyre_gateway.submitting.now", lambda: hour_ago)

    await http.delete(f"{URL}/{id}")
    assert (await http.get(f"{URL}/{id}")).json()["status"] == "removed"
    await http.post(URL, json=TEXT)

    assert (await http.get(f"{URL}/{id}")).json()["status"] == "submitted"
    times = [time for _, _, _, time in stack.kafka.sent]
    assert times == sorted(set(times))
    assert len(times) == 3


async def test_tenants_do_not_see_each_others_documents(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    id = (await http.post(URL, json=TEXT)).json()["id"]
    theirs = (await http.post(URL, json=TEXT, headers=ACME)).json()["id"]

    assert id != theirs
    listed = (await http.get(URL, headers=ACME)).json()["data"]
    assert [one["id"] for one in listed] == [theirs]
    for unknown in (id, str(uuid4())):
        for method in ("GET", "DELETE"):
            response = await http.request(method, f"{URL}/{unknown}", headers=ACME)
            assert response.status_code == 404
    assert [type(event) for event, *_ in stack.kafka.sent] == [DocumentSubmitted] * 2


def test_the_wire_has_base64() -> None:
    event = DocumentSubmitted.model_validate(
        {
            "document_id": uuid4(),
            "name": "x",
            "media_type": "text/plain",
            "sha256": "0" * 64,
            "size_bytes": 1,
            "content": base64.b64encode(b"\xff"),
        }
    )
    assert '"content":"/w' in event.model_dump_json()


@pytest.mark.parametrize("service", ["ingestion", "retrieval"])
async def test_who_brings_more_than_is_indexed_is_told_when_to_come_back(
    http: httpx.AsyncClient, stack: Stack, service: str
) -> None:
    stack.groups[service].waiting = 10_001
    response = await http.post(URL, files=file(b"text"))

    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    said = f"10001 records wait for {service}, more than 10000"
    assert error_of(response)["message"].startswith(said)
    assert (stack.kafka.sent, blobs(stack)) == ([], [])
    stack.groups[service].waiting = 0
    assert (await http.post(URL, files=file(b"text"))).status_code == 202


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("backend")])
async def test_bytes_that_cannot_be_kept_are_503_and_leave_nothing(
    http: httpx.AsyncClient, stack: Stack, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(_: int) -> None:
        raise error

    monkeypatch.setattr("gyre_service.locations.os.fsync", full)
    response = await http.post(URL, files=file(b"x" * 2000))

    assert response.status_code == 503
    assert (stack.kafka.sent, blobs(stack)) == ([], [])
