import asyncio
import signal
import zlib
from typing import Any

import pytest

from gyre_ingestion.sandbox import prepare
from gyre_ingestion.settings import Settings
from gyre_service.errors import Rejected, Unavailable

from .conftest import pdf

MIB = 1024 * 1024


def inflating_pdf() -> bytes:
    """Return a PDF whose page is 400 MiB of spaces, in 400 KiB."""
    deflate = zlib.compressobj(9)
    packed = b"".join(deflate.compress(b" " * MIB) for _ in range(400)) + deflate.flush()
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
    plain = pdf("x")
    start, end = plain.index(b"4 0 obj\n") + 8, plain.index(b"\nendobj\n5 0 obj")
    return plain[:start] + stream + plain[end:]


async def test_a_document_is_read(settings: Settings) -> None:
    chunks = await prepare(b"# A\n\nText.", "a.md", "text/markdown", settings)

    assert [(chunk.heading, chunk.text) for chunk in chunks] == [("A", "Text.")]


async def test_a_name_is_only_text(settings: Settings) -> None:
    name = "--cpu-s=9999\0\n../../$(touch x)"

    assert await prepare(b"text", name, "text/plain", settings)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (inflating_pdf(), "application/pdf"),
        (b"<div>" * 200_000 + b"deep", "text/html"),
        (b"<table><tr><td>" * 20_000, "text/html"),
        (b"[" * 300_000 + b"](" * 300_000, "text/markdown"),
        (b"<!--" * 500_000, "text/markdown"),
    ],
    ids=["inflating PDF", "deep HTML", "nested tables", "brackets", "open comments"],
)
async def test_a_bomb_ends_in_seconds(settings: Settings, data: bytes, media_type: str) -> None:
    tight = settings.model_copy(update={"parser_cpu_s": 1})
    try:
        assert await prepare(data, "bomb", media_type, tight)  # harmless is fine, too
    except Rejected as error:
        assert "document" in str(error) or "PDF" in str(error)  # noqa: PT017  either may happen


async def test_too_slow_is_rejected_and_leaves_no_child(settings: Settings) -> None:
    slow = settings.model_copy(update={"parser_wall_s": 0.01})

    with pytest.raises(Rejected, match=r"longer than 0\.01 s"):
        await prepare(b"text", "a.txt", "text/plain", slow)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_parser_that_was_ended_from_outside_says_nothing_of_its_document(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    start = asyncio.create_subprocess_exec

    async def ended(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
        child = await start(*arguments, **options)
        child.send_signal(how)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", ended)
    with pytest.raises(Unavailable, match="ended from outside"):
        await prepare(b"text", "a.txt", "text/plain", settings)


async def test_too_much_memory_is_rejected(settings: Settings) -> None:
    tight = settings.model_copy(update={"parser_memory_bytes": 128 * MIB})

    with pytest.raises(Rejected, match=r"split it|stopped the parser"):
        await prepare(b"word " * (20 * MIB), "a.txt", "text/plain", tight)
