"""One way in to all formats."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gyre_ingestion.reading.blocks import Block, Kind
from gyre_ingestion.reading.formats import Format
from gyre_ingestion.reading.html import read_html
from gyre_ingestion.reading.markdown import read_markdown
from gyre_ingestion.reading.pdf import read_pdf
from gyre_ingestion.reading.plain import read_text
from gyre_ingestion.reading.text import decode, normalise, one_line
from gyre_service.errors import Rejected


def read(data: bytes, format: Format, media_type: str = "") -> list[Block]:
    """Return the blocks of a document, at least one.

    Args:
        data: The whole file.
        format: What it is.
        media_type: As the sender has it, for its `charset`.

    Raises:
        Rejected: It cannot be read, or says nothing.
    """
    if not data.strip():
        raise Rejected("the document is empty")
    match = re.search(r"charset\s*=\s*\"?([\w.:-]+)", media_type, re.I)
    charset = match[1] if match else None
    if format is Format.PDF:
        blocks = read_pdf(data)
    elif format is Format.HTML:
        blocks = read_html(data, charset)
    else:
        text = normalise(decode(data, charset))
        blocks = read_markdown(text) if format is Format.MARKDOWN else read_text(text)
    blocks = list(_spelled(blocks))
    if not any(re.search(r"\w", block.text) for block in blocks):
        raise Rejected(f"the document has no text: nothing a person would read in this {format}")
    return blocks


def _spelled(blocks: Iterable[Block]) -> Iterator[Block]:
    """Return the blocks in one spelling: a format's own references may stand for anything."""
    for block in blocks:
        text = normalise(block.text)
        if block.kind in (Kind.HEADING, Kind.PROSE):
            text = one_line(text)
        if text.strip():
            yield replace(block, text=text)
