"""How blocks become chunks: of one subject, about a paragraph long, cut between sentences.

Sizes are in words. A small encoder reads 256 word pieces, about 170 English words; what is longer
than that is not found by its end.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil

from gyre_ingestion.reading.blocks import Block, Kind
from gyre_service.errors import Rejected

MAX_WORDS = 160
MAX_OVERLAP_WORDS = 40  # a longer sentence is not repeated
LONG_WORD = 12  # characters; what is longer counts as several words
MAX_HEADING = 300  # characters of a heading path
# Scripts without spaces: each character counts as a word.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|e\.g|i\.e|cf|vs|etc|al|approx|ca|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Fig|Eq|Sec|Vol)\.)$"
)
BOUNDARY = re.compile(
    r"(?:(?<=[.!?\u2026])|(?<=[.!?\u2026][\"'\u201d\u2019)\]]))\s+"  # a full stop, a quote's end,
    r"(?=[\"'\u201c\u2018(\[]?[^\W_a-z\u00df-\u00f6\u00f8-\u00ff])"  # and no small letter after it
    r"|(?<=[\u3002\uff01\uff1f])(?=.)"  # Chinese and Japanese: no space follows
)


@dataclass(frozen=True)
class Chunk:
    """A passage to be found.

    Attributes:
        text: Without its heading.
        heading: The path of headings above it, outermost first, joined by ` > `.
        page: Where it begins, its overlap aside, from 1.
    """

    text: str
    heading: str = ""
    page: int | None = None


@dataclass(frozen=True)
class Piece:
    """What is never cut: a sentence, a line, a block of code."""

    text: str
    glue: str  # what stands between it and the piece before
    words: int
    page: int | None
    repeats: bool = False  # a sentence: may be the overlap


def chunks_of(blocks: Iterable[Block], max_words: int = MAX_WORDS) -> list[Chunk]:
    """Return the chunks of a document, in its order; every word of it is in at least one.

    Sections are not mixed. The pieces of a section are shared out evenly, so that none ends in
    a rest of ten words. A chunk begins with the last sentence of the one before it.

    Args:
        blocks: Of the document.
        max_words: Of a chunk, without the overlap.

    Raises:
        Rejected: `max_words` is less than one.
    """
    if max_words < 1:
        raise Rejected(f"max_words is {max_words}, at least 1")
    chunks: list[Chunk] = []
    for path, section in _sections(blocks):
        pieces = [piece for block in section for piece in _pieces(block, max_words)]
        heading = " > ".join(path)[:MAX_HEADING]
        for overlap, group in _packed(pieces, max_words):
            text = "".join(piece.glue + piece.text for piece in overlap + group).strip()
            chunks.append(Chunk(text, heading, group[0].page))
    return chunks


def count_words(text: str) -> int:
    """Return how many words `text` costs an encoder.

    >>> count_words("two words"), count_words("x" * 30), count_words("日本")
    (2, 3, 2)
    """
    return sum(ceil(len(word) / LONG_WORD) for word in WORD.findall(text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph.

    >>> sentences("Ask Dr. Bell. He knows, e.g. the code.")
    ['Ask Dr. Bell.', 'He knows, e.g. the code.']
    """
    found: list[str] = []
    for part in BOUNDARY.split(text):
        if found and ABBREVIATION.search(found[-1]):
            found[-1] += " " + part
        elif part:
            found.append(part)
    return found


def _sections(blocks: Iterable[Block]) -> Iterator[tuple[list[str], list[Block]]]:
    """Return the blocks under each heading path; a heading with nothing below is a text itself."""
    levels: list[tuple[int, str]] = []
    section: list[Block] = []
    unused: Block | None = None
    for block in blocks:
        if block.kind is not Kind.HEADING:
            section.append(block)
            unused = None
            continue
        if section:
            yield [title for _, title in levels], section
        elif unused is not None and block.level <= unused.level:
            yield [title for _, title in levels[:-1]], [replace(unused, kind=Kind.PROSE)]
        section, unused = [], block
        levels = [(level, title) for level, title in levels if level < block.level]
        levels.append((block.level, block.text))
    if section:
        yield [title for _, title in levels], section
    elif unused is not None:
        yield [title for _, title in levels[:-1]], [replace(unused, kind=Kind.PROSE)]


def _pieces(block: Block, max_words: int) -> Iterator[Piece]:
    if block.kind is not Kind.PROSE:
        for part in _whole_lines(block, max_words):
            yield Piece(part, "\n\n", count_words(part), block.page)
        return
    parts = [cut for part in sentences(block.text) for cut in _cut(part, max_words)]
    for at, part in enumerate(parts):
        glue = " " if at else "\n\n"
        yield Piece(part, glue, count_words(part), block.page, repeats=True)


def _whole_lines(block: Block, max_words: int) -> Iterator[str]:
    """Return a block that is no prose: whole if it fits, else cut between its lines."""
    if count_words(block.text) <= max_words:
        yield block.text
        return
    lines = block.text.split("\n")
    # A part of a table says nothing without the names of its columns.
    top = lines[:1] if block.kind is Kind.TABLE and count_words(lines[0]) <= max_words // 4 else []
    budget = max_words - sum(map(count_words, top))
    part: list[str] = []
    size = 0
    for line in (cut for whole in lines[len(top) :] for cut in _cut(whole, budget)):
        words = count_words(line)
        if part and size + words > budget:
            yield "\n".join(top + part)
            part, size = [], 0
        part.append(line)
        size += words
    if size:
        yield "\n".join(top + part)


def _cut(text: str, max_words: int) -> Iterator[str]:
    """Return `text` in parts of at most `max_words`; only a word longer than that is broken."""
    if count_words(text) <= max_words:
        yield text
        return
    start = size = 0
    for match in WORD.finditer(text):
        for at in range(match.start(), match.end(), LONG_WORD):
            if size == max_words:
                yield text[start:at].strip()
                start, size = at, 0
            size += 1
    if rest := text[start:].strip():
        yield rest


def _packed(pieces: list[Piece], max_words: int) -> Iterator[tuple[list[Piece], list[Piece]]]:
    """Return the pieces of each chunk: what it repeats, and what is new in it."""
    total = sum(piece.words for piece in pieces)
    goal = total / max(ceil(total / max_words), 1)
    overlap: list[Piece] = []
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        if group and (size >= goal or size + piece.words > max_words):
            yield overlap, group
            last = group[-1]
            overlaps = last.repeats and last.words <= MAX_OVERLAP_WORDS and len(group) > 1
            overlap, group, size = ([last] if overlaps else []), [], 0
        group.append(piece)
        size += piece.words
    if group:
        yield overlap, group
