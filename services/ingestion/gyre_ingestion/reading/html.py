"""HTML into blocks: what a person would see of it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gyre_ingestion.reading.blocks import Block, Kind
from gyre_ingestion.reading.text import decode, normalise, one_line

if TYPE_CHECKING:
    from bs4.element import PageElement

HEADINGS = {f"h{level}": level for level in range(1, 7)}
UNSEEN = ["script", "style", "noscript", "template", "svg", "iframe", "object", "title", "nav"]
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
# Whatever is a part of the size around it, as `1em`, leaves that as it is.
SIZE = re.compile(
    r"font(?:-size)?\s*:(?:[^;]{0,200}\s)??"
    r"(?:(0(?:\.0*)?(?![.\d]))|\d*\.?\d+\s*(?:px|pt|pc|rem|mm|cm|in|vw|vh)\b"
    r"|\b(?:xx?-)?(?:small|large)\b|\bmedium\b)",
    re.I,
)
# What ends a line of prose; every other element is part of its sentence.
BREAKS = frozenset(
    """address article aside blockquote body br button caption center dd details dialog div dl dt
    fieldset figcaption figure footer form header hr html li main ol option p section select
    summary td th title tr ul""".split()  # noqa: SIM905  a line an element hides the list
)
CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{2,30})", re.I)


def read_html(data: bytes, charset: str | None = None) -> list[Block]:
    """Return the blocks of a page.

    Scripts, styles, navigation and whatever its own markup hides are left out: nobody who
    reads the page sees them, so nobody can have meant them as its content.

    Args:
        data: The page as it came.
        charset: What the sender says it is encoded in.

    Raises:
        Rejected: It is not text.
    """
    from bs4 import BeautifulSoup

    declared = CHARSET.search(data[:4096])
    text = normalise(decode(data, charset or (declared[1].decode() if declared else None)))
    page = BeautifulSoup(text, "html.parser")
    for unseen in page.find_all(UNSEEN):
        unseen.decompose()
    for hidden in page.find_all(_is_hidden):
        if not hidden.decomposed:
            hidden.decompose()
    for string in list(_of_no_size(page)):
        string.extract()
    return list(_blocks(page))


def _is_hidden(tag: object) -> bool:
    attributes = getattr(tag, "attrs", None) or {}
    style = str(attributes.get("style", ""))
    return (
        "hidden" in attributes
        or str(attributes.get("aria-hidden", "")).lower() == "true"
        or bool(HIDDEN.search(style))
    )


def _of_no_size(page: object) -> "Iterator[PageElement]":
    """Yield the strings whose nearest size is 0.

    Layouts set it around what has a size of its own, against the gaps between.
    """
    from bs4.element import NavigableString, Tag

    stack: list[tuple[object, bool]] = [(page, False)]
    while stack:
        node, none = stack.pop()
        if isinstance(node, Tag):
            for size in SIZE.finditer(str(node.attrs.get("style", ""))):
                none = size[1] is not None
            stack += [(child, none) for child in node.contents]
        elif none and isinstance(node, NavigableString):
            yield node


def _blocks(page: object) -> Iterator[Block]:
    """Walk the page without recursion: its depth is its author's choice."""
    from bs4.element import NavigableString, Tag

    prose: list[str] = []
    # Elements still to be seen; a string ends the prose before it.
    stack: list[object] = [page]
    while stack:
        node = stack.pop()
        if node is None or (isinstance(node, Tag) and node.name in {*HEADINGS, "pre", "table"}):
            if text := one_line("".join(prose)):
                yield Block(Kind.PROSE, text)
            prose.clear()
        if type(node) is NavigableString:  # its subclasses are comments, doctypes and the like
            prose.append(str(node))
        elif isinstance(node, Tag):
            if node.name in HEADINGS:
                if title := one_line(node.get_text(" ")):
                    yield Block(Kind.HEADING, title, level=HEADINGS[node.name])
            elif node.name == "pre":
                if node.get_text().strip():
                    yield Block(Kind.LINES, node.get_text().strip("\n"))
            elif node.name == "table" and not node.find("table"):
                if node.caption and (caption := one_line(node.caption.get_text(" "))):
                    yield Block(Kind.PROSE, caption)
                if rows := _rows(node):
                    yield Block(Kind.TABLE, rows)
            elif node.name in BREAKS:
                stack += [None, *reversed(node.contents), None]
            else:
                stack += reversed(node.contents)
    if text := one_line("".join(prose)):
        yield Block(Kind.PROSE, text)


def _rows(table: object) -> str:
    rows = [
        " | ".join(one_line(cell.get_text(" ")) for cell in row.find_all(["th", "td"]))
        for row in table.find_all("tr")  # type: ignore[attr-defined]
    ]
    return "\n".join(row for row in rows if row.strip(" |"))
