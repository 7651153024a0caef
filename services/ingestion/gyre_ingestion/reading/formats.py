"""Which format bytes have: by media type, then by the name, then by what they look like."""

import re
from enum import StrEnum
from pathlib import PurePosixPath

from gyre_service.errors import Rejected


class Format(StrEnum):
    MARKDOWN = "Markdown"
    TEXT = "plain text"
    HTML = "HTML"
    PDF = "PDF"


MEDIA_TYPES = {
    "text/markdown": Format.MARKDOWN,
    "text/x-markdown": Format.MARKDOWN,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "application/pdf": Format.PDF,
    "application/x-pdf": Format.PDF,
}
EXTENSIONS = {
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".htm": Format.HTML,
    ".html": Format.HTML,
    ".xhtml": Format.HTML,
    ".pdf": Format.PDF,
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".log": Format.TEXT,
    ".rst": Format.TEXT,
}
# Said of anything by who does not know better: a name that is more exact wins.
VAGUE = {"", "application/octet-stream", "binary/octet-stream", "text/plain"}
OURS = "send Markdown, plain text, HTML or PDF"
SIGNATURES = (
    (b"PK\x03\x04", "a zip or Office file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"{\\rtf", "an RTF file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
)
# Possessive: a comment ends at its first `-->`, and nothing is tried with another end.
HTML_START = re.compile(rb"\s*+(?:<!--.*?-->\s*)*+<(!doctype\s+html|html|head|body)\b", re.I | re.S)


def format_of(name: str, media_type: str, start: bytes) -> Format:
    """Return the format of a document.

    Args:
        name: Its file name, as the sender has it.
        media_type: As the sender has it; parameters are ignored.
        start: The first kilobytes.

    Raises:
        Rejected: No format that we read, or not the one it claims to be.

    >>> format_of("a", "text/markdown; charset=utf-8", b"# A")
    <Format.MARKDOWN: 'Markdown'>
    """
    for signature, what in SIGNATURES:
        if start.startswith(signature):
            raise Rejected(f"the document is {what}, which is not read: {OURS}")
    media = media_type.partition(";")[0].strip().lower()
    extension = PurePosixPath(name.lower()).suffix
    is_pdf = b"%PDF-" in start[:1024]
    found = MEDIA_TYPES.get(media)
    if found is None and media in VAGUE:
        found = EXTENSIONS.get(extension) or _look(start, is_pdf)
    elif found is None and media.startswith("text/"):
        found = EXTENSIONS.get(extension, Format.TEXT)
    elif found is None:
        raise Rejected(f"documents of type {media} are not read: {OURS}")
    if (found is Format.PDF) != is_pdf:
        said = f"{media_type or 'no media type'}, {name!r}"
        wrong = "is no PDF inside" if found is Format.PDF else "is a PDF inside"
        raise Rejected(f"the document is sent as {found} ({said}) but {wrong}: correct its type")
    return found


def _look(start: bytes, is_pdf: bool) -> Format:
    if is_pdf:
        return Format.PDF
    return Format.HTML if HTML_START.match(start) else Format.TEXT
