"""From a file to a passage: every format, the same again, changed, removed, unreadable."""

import httpx
import pytest

from ..conftest import ask, document, indexed, put, route, until

PUMP = (
    b"# Pump P7\n\nThe pump P7 has a warranty of 3 years. Its filter is changed every 40 hours.\n"
)
HTML = b"""<html><head><title>Tower</title><script>alert(1)</script></head>
<body><h1>The tower</h1><p>The tower of Hallin is 81 metres high.</p></body></html>"""


def passages(api: httpx.Client, model: str, question: str) -> list[str]:
    return [passage["text"] for passage in ask(api, model, question)["gyre"]["passages"]]


@pytest.mark.parametrize(
    ("name", "content", "media", "question", "found"),
    [
        ("pump.md", PUMP, "text/markdown", "How long is the warranty of the pump P7?", "3 years"),
        ("tower.html", HTML, "text/html", "How high is the tower of Hallin?", "81 metres"),
        (
            "ferry.txt",
            b"The ferry to Osby leaves at 9 and at 17 o'clock.",
            "text/plain",
            "When does the ferry to Osby leave?",
            "at 9",
        ),
    ],
)
def test_a_document_is_found_by_a_question_about_it(
    api: httpx.Client,
    collection: str,
    name: str,
    content: bytes,
    media: str,
    question: str,
    found: str,
) -> None:
    sent = put(api, collection, name, content, media)
    row = indexed(api, sent["id"])
    model = route(api, collection)

    assert row["chunks"] >= 1
    texts = passages(api, model, question)
    assert any(found in text for text in texts), texts
    assert not any("alert(1)" in text for text in texts)


def test_the_same_bytes_again_change_nothing(api: httpx.Client, collection: str) -> None:
    first = put(api, collection, "pump.md", PUMP)
    indexed(api, first["id"])

    again = put(api, collection, "pump.md", PUMP)

    assert again["id"] == first["id"]
    assert again["status"] == "unchanged"
    assert document(api, first["id"])["version"] == 1


def test_a_changed_document_replaces_its_old_chunks(api: httpx.Client, collection: str) -> None:
    sent = put(api, collection, "pump.md", PUMP)
    indexed(api, sent["id"])
    model = route(api, collection)

    put(api, collection, "pump.md", PUMP.replace(b"3 years", b"5 years"))
    indexed(api, sent["id"], version=2)

    texts = passages(api, model, "How long is the warranty of the pump P7?")
    assert any("5 years" in text for text in texts)
    assert not any("3 years" in text for text in texts)


def test_a_removed_document_is_found_no_more(api: httpx.Client, collection: str) -> None:
    sent = put(api, collection, "pump.md", PUMP)
    indexed(api, sent["id"])
    model = route(api, collection)
    question = "How long is the warranty of the pump P7?"
    assert passages(api, model, question)

    assert api.delete(f"/v1/documents/{sent['id']}").status_code == 202

    until(lambda: not passages(api, model, question), "no passage of the removed document")
    until(lambda: document(api, sent["id"])["status"] == "removed", "status removed")


def test_a_large_document_travels_beside_kafka(api: httpx.Client, collection: str) -> None:
    lines = [f"Shelf {n} holds the part number {n * 7919 % 100_000}." for n in range(300)]
    filler = "<!--" + "x" * 600_000 + "-->"
    page = "<html><body>" + "".join(f"<p>{line}</p>" for line in lines) + filler + "</body></html>"

    sent = put(api, collection, "shelves.html", page.encode(), "text/html")

    assert indexed(api, sent["id"])["chunks"] > 10


@pytest.mark.parametrize(
    ("name", "content", "media", "reason"),
    [
        ("blank.md", b" \n\n ", "text/markdown", "empty"),
        ("noise.pdf", b"%PDF-1.7\nnot really", "application/pdf", "PDF"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(200), "image/png", "Markdown"),
    ],
)
def test_an_unreadable_document_is_rejected_with_a_reason(
    api: httpx.Client, collection: str, name: str, content: bytes, media: str, reason: str
) -> None:
    sent = put(api, collection, name, content, media)

    until(lambda: document(api, sent["id"]).get("status") == "rejected", "status rejected")
    assert reason in document(api, sent["id"])["reason"]


def test_no_bytes_are_refused_at_once(api: httpx.Client) -> None:
    answer = api.post("/v1/documents", files={"file": ("empty.md", b"", "text/markdown")})

    assert answer.status_code == 400
    assert "empty.md is empty" in answer.json()["error"]["message"]
