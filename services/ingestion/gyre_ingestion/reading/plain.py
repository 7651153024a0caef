"""Plain text into blocks: paragraphs are what blank lines separate."""

import re

from gyre_ingestion.reading.blocks import Block, Kind
from gyre_ingestion.reading.text import one_line


def read_text(text: str, page: int | None = None) -> list[Block]:
    """Return one block a paragraph of `text`, which is normalised."""
    paragraphs = (one_line(part) for part in re.split(r"\n[ \t]*\n", text))
    return [Block(Kind.PROSE, paragraph, page=page) for paragraph in paragraphs if paragraph]
