"""Markdown (CommonMark's blocks and GitHub's tables) into blocks."""

import re
from collections.abc import Iterator

from gyre_ingestion.reading.blocks import Block, Kind
from gyre_ingestion.reading.text import one_line

HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$")
UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
TABLE_RULE = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
ITEM = re.compile(r"[ \t]*([-*+]|\d{1,9}[.)])[ \t]+")
# A run of backticks to the next one as long, in one paragraph; a comment at a line's start is none.
SPAN = r"(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*(?:\n|<!--)).)+?(?<!`)(?P=ticks)(?!`)"
FENCED = (
    r"^ {0,3}(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*"
    r"(?:.*?\n {0,3}(?P=fence)[`~]*[ \t]*$|.*\Z)"
)
COMMENT = re.compile(rf"{FENCED}|{SPAN}|(?P<comment><!--.*?-->)", re.S | re.M)
CODE = re.compile(SPAN, re.S)
# Its first line is a key's: what begins with a rule is no front matter.
FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(?=[\"']?\w[\w.-]*[\"']?[ \t]*:\s)(.*?\n)?(---|\.\.\.)[ \t]*(\n|\Z)", re.S
)
IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
STRONG = re.compile(r"(\*\*|(?<!\w)__)(?=\S)(.+?)(?<=\S)\1(?!(?<=_)\w)")
LINK = re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)")


def read_markdown(text: str) -> list[Block]:
    """Return the blocks of `text`, which is normalised.

    Front matter and comments are left out, links and images become their text: addresses
    say nothing to an encoder, and comments are what nobody sees. Code stays as it is.
    """
    text = FRONT_MATTER.sub("", text)
    lines = COMMENT.sub(lambda found: "" if found["comment"] else found[0], text).split("\n")
    return list(_blocks(lines))


def _blocks(lines: list[str]) -> Iterator[Block]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip() or RULE.match(line):
            at += 1
        elif match := HEADING.match(line):
            at += 1
            if title := _inline(one_line(match[2] or "")):
                yield Block(Kind.HEADING, title, level=len(match[1]))
        elif fence := FENCE.match(line):
            start, at = at, _after_fence(lines, at, fence[1])
            yield Block(Kind.LINES, "\n".join(lines[start:at]).rstrip())
        else:
            start, at = at, _after_paragraph(lines, at)
            yield from _paragraph(lines[start:at])


def _after_fence(lines: list[str], start: int, mark: str) -> int:
    """Return the line after a fenced block, which may end with the document."""
    for at in range(start + 1, len(lines)):
        found = FENCE.match(lines[at])
        if found and not found[2].strip() and found[1].startswith(mark):
            return at + 1
    return len(lines)


def _after_paragraph(lines: list[str], start: int) -> int:
    """Return the line after a paragraph: of a list too, with blank lines between its items."""
    is_list = bool(ITEM.match(lines[start]))
    at = start + 1
    while at < len(lines):
        line = lines[at]
        if HEADING.match(line) or FENCE.match(line):
            break
        if not line.strip() and not (is_list and at + 1 < len(lines) and _goes_on(lines[at + 1])):
            break
        if UNDERLINE.match(line) and not is_list:
            return at + 1
        at += 1
    return at


def _goes_on(line: str) -> bool:
    return bool(ITEM.match(line)) or (bool(line.strip()) and line.startswith(("  ", "\t")))


def _paragraph(lines: list[str]) -> Iterator[Block]:
    if len(lines) > 1 and (mark := UNDERLINE.match(lines[-1])) and "|" not in lines[0]:
        level = 1 if mark[1].startswith("=") else 2
        yield Block(Kind.HEADING, _inline(one_line(" ".join(lines[:-1]))), level=level)
    elif len(lines) > 1 and "|" in lines[0] and TABLE_RULE.match(lines[1]):
        rows = [lines[0], *lines[2:]]
        yield Block(Kind.TABLE, "\n".join(_inline(row.strip()) for row in rows))
    elif ITEM.match(lines[0]):
        kept = [_inline(line.rstrip()) for line in lines if line.strip()]
        yield Block(Kind.LINES, "\n".join(kept))
    elif prose := _inline(one_line(" ".join(line.lstrip("> \t") for line in lines))):
        yield Block(Kind.PROSE, prose)


def _inline(text: str) -> str:
    """Return `text` without marks of links, images and emphasis, but for those in code.

    >>> _inline("see **the [manual](http://x)** of `__init__.py`")
    'see the manual of `__init__.py`'
    """
    codes = (found[0] for found in CODE.finditer(text))
    marked = CODE.sub("\0", text)  # which no normalised text has
    plain = STRONG.sub(r"\2", LINK.sub(r"\1", IMAGE.sub(r"\1", marked)))
    return re.sub("\0", lambda _: next(codes), plain)
