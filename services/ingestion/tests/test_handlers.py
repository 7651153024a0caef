import base64
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlmodel import SQLModel, delete

from gyre_events import DocumentRemoved, DocumentSubmitted
from gyre_ingestion import store
from gyre_ingestion.settings import Settings
from gyre_service.database import Sessions, transaction

from .conftest import DOCUMENT, Published, Send, pdf, sha256

TEXT = b"# Keys\n\nThe key lies under the mat.\n\n# Boats\n\nA boat costs 12 euros.\n"
REMOVED = DocumentRemoved(document_id=DOCUMENT, name="a.md")


def submitted(data: bytes = TEXT, **changes: Any) -> DocumentSubmitted:
    fields: dict[str, Any] = {
        "document_id": DOCUMENT,
        "name": "a.md",
        "media_type": "text/markdown",
        "sha256": sha256(data),
        "size_bytes": len(data),
        "content": base64.b64encode(data),
    }
    return DocumentSubmitted(**fields | changes)


async def test_a_document_becomes_numbered_chunks(send: Send, published: Published) -> None:
    await send(submitted())

    assert [(c.ordinal, c.count, c.version, c.heading, c.text) for c in published.chunks] == [
        (0, 2, 1, "Keys", "The key lies under the mat."),
        (1, 2, 1, "Boats", "A boat costs 12 euros."),
    ]
    assert set(published.keys) == {f"acme/{DOCUMENT}".encode()}


async def test_a_redelivery_publishes_the_same_chunks_under_the_same_ids(
    send: Send, published: Published
) -> None:
    await send(submitted(), id="1")
    first = (list(published.chunks), list(published.ids))
    published.clear()

    await send(submitted(), id="1")

    assert (published.chunks, published.ids) == first


async def test_the_same_bytes_in_a_new_event_change_nothing(
    send: Send, published: Published
) -> None:
    await send(submitted())
    published.clear()

    await send(submitted(), minute=1)

    assert not published.chunks


@pytest.mark.parametrize(
    "changes",
    [
        {"data": b"# New\n\nOther text."},
        {"collection": "second"},
        {"name": "b.md"},
        {"media_type": "text/plain"},
    ],
    ids=["bytes", "collection", "name", "media type"],
)
async def test_a_changed_document_is_a_new_version(
    send: Send, published: Published, changes: dict[str, Any]
) -> None:
    await send(submitted(), id="1")
    old = {chunk.chunk_id for chunk in published.chunks}
    published.clear()

    await send(submitted(**changes), minute=1)

    assert {chunk.version for chunk in published.chunks} == {2}
    assert not old & {chunk.chunk_id for chunk in published.chunks}
    published.clear()
    await send(submitted(), id="1")  # a late redelivery of the first brings nothing back
    assert not published.chunks


async def test_a_version_of_unknown_media_type_is_read_again_once(
    send: Send, published: Published, sessions: Sessions
) -> None:
    await send(submitted(media_type="text/plain"), id="1")
    async with transaction(sessions) as session:
        await session.exec(delete(store.MediaType))
    await send(submitted(media_type="text/plain"), id="1")
    assert {chunk.version for chunk in published.chunks} == {1}
    published.clear()

    for minute in (1, 2):
        await send(submitted(), minute=minute)

    assert [chunk.version for chunk in published.chunks] == [2, 2]


async def test_a_submission_older_than_the_newest_version_changes_nothing(
    send: Send, published: Published
) -> None:
    await send(submitted(), id="2", minute=2)
    published.clear()

    await send(submitted(b"older, and redriven"), id="1", minute=1)
    await send(submitted(b"\0\1\2" * 100), minute=1)

    assert not published.chunks
    assert not published.refusals
    await send(submitted(b"of the same time"), id="3", minute=2)
    assert {chunk.version for chunk in published.chunks} == {2}


async def test_tenants_with_the_same_document_share_nothing(
    send: Send, published: Published
) -> None:
    await send(submitted(), id="1", tenant="acme")
    await send(submitted(), id="1", tenant="umbrella")
    await send(submitted(b"changed"), tenant="umbrella", minute=1)

    ids = [chunk.chunk_id for chunk in published.chunks]
    assert len(ids) == len(set(ids)) == 5
    assert [chunk.version for chunk in published.chunks] == [1, 1, 1, 1, 2]


async def test_a_removal_lets_the_same_bytes_in_again_and_older_ones_not(
    send: Send, published: Published
) -> None:
    await send(submitted(), id="1", minute=0)
    await send(REMOVED, minute=2)
    await send(REMOVED, minute=2)
    published.clear()

    await send(submitted(), id="1", minute=0)
    await send(submitted(b"older than the removal"), minute=1)
    assert not published.chunks

    await send(submitted(), minute=3)
    assert {chunk.version for chunk in published.chunks} == {2}


async def test_a_removal_older_than_the_document_removes_nothing(
    send: Send, published: Published
) -> None:
    await send(submitted(), id="1", minute=5)
    await send(REMOVED, minute=1)
    published.clear()

    await send(submitted(), id="1", minute=5)

    assert len(published.chunks) == 2


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (submitted(b" \n"), "empty"),
        (submitted(bytes(range(256)) * 20), "binary"),
        (submitted(b"PK\x03\x04rest", name="a.docx", media_type="text/plain"), "zip or Office"),
        (submitted(b"a,b", media_type="application/json"), "application/json are not read"),
        (submitted(pdf("x", password="s"), media_type="application/pdf"), "encrypted"),
        (submitted(pdf(""), media_type="application/pdf"), "no text layer"),
        (submitted(pdf("x")[:200], media_type="application/pdf"), "damaged"),
        (submitted(TEXT, sha256="0" * 64), "SHA-256"),
        (submitted(TEXT, size_bytes=300_000_000), "300000000 bytes, at most 200000000"),
        (submitted(content=None, dataref="../../etc/passwd"), "must end in"),
        (submitted(content=None, dataref=f"{sha256(TEXT)[:2]}/{sha256(TEXT)}"), "submit it again"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_read_is_rejected_with_a_reason_each_time(
    send: Send, published: Published, event: DocumentSubmitted, reason: str
) -> None:
    await send(event, id="1")
    await send(event, id="1")

    assert len(published.refusals) == 2
    assert published.ids[0] == published.ids[1]
    assert reason in published.refusals[0].reason
    assert not published.chunks


async def test_a_rejected_version_leaves_the_one_before_it(
    send: Send, published: Published
) -> None:
    await send(submitted(), id="1")
    await send(submitted(b"\0\1\2" * 100), minute=1)
    published.clear()

    await send(submitted(), id="1")

    assert [chunk.version for chunk in published.chunks] == [1, 1]


async def test_large_documents_come_from_the_blob_folder(
    send: Send, published: Published, settings: Settings
) -> None:
    digest = sha256(TEXT)
    path = Path(settings.blob_url) / digest[:2] / digest
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)

    await send(submitted(content=None, dataref=str(path)))
    assert len(published.chunks) == 2

    path.write_bytes(b"something else")
    await send(submitted(content=None, dataref=str(path), document_id=uuid4()))
    assert "SHA-256" in published.refusals[0].reason


async def test_too_many_chunks_are_rejected_with_the_figure(
    send: Send, published: Published
) -> None:
    data = "\n\n".join(f"# {n}\n\ntext {n}" for n in range(5001)).encode()

    await send(submitted(data))

    assert "5001 chunks, at most 5000" in published.refusals[0].reason


def test_sizes_do_not_end_at_32_bits() -> None:
    made = CreateTable(SQLModel.metadata.tables["ingestion_version"])

    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert "size_bytes BIGINT NOT NULL" in str(made.compile(dialect=dialect))
