"""PDF into blocks, with the page of each."""

import io
import re
from collections import Counter

from gyre_ingestion.reading.blocks import Block
from gyre_ingestion.reading.plain import read_text
from gyre_ingestion.reading.text import normalise
from gyre_service.errors import Rejected

EDGE_LINES = 2  # how many lines at the top and the bottom of a page may be its header or footer
MIN_PAGES = 3  # fewer say nothing about what repeats
REPEATED = 0.6  # share of the pages
MAX_EDGE = 200  # characters of a line that may count the pages
NUMBER = re.compile(r"(?<!\d)\d{1,6}(?!\d)")
HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010]\n(?=[^\W\d_])(?=[a-zß-öø-ÿ])")


def read_pdf(data: bytes) -> list[Block]:
    """Return the paragraphs of a PDF.

    Args:
        data: The whole file.

    Raises:
        Rejected: It is encrypted, damaged, or has no text layer.
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        # Many are locked against changes only, with an empty password to read them.
        if reader.is_encrypted and not reader.decrypt(""):
            raise Rejected("the PDF is encrypted: send one without a password")
        pages = [normalise(page.extract_text()) for page in reader.pages]
    except DependencyError as error:
        raise Rejected("the PDF is encrypted: send one without a password") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        # What a damaged file meets in the parser has no one class.
        raise Rejected(
            f"the PDF is damaged ({normalise(str(error))}): send one that a viewer opens"
        ) from error
    if not pages:
        raise Rejected("the PDF has no pages")
    if not any(page.strip() for page in pages):
        raise Rejected("the PDF has no text layer, it is probably scanned: send it after OCR")
    blocks: list[Block] = []
    for number, page in enumerate(without_repeated_edges(pages), start=1):
        blocks += read_text(HYPHEN.sub("", page), page=number)
    return blocks


def without_repeated_edges(pages: list[str]) -> list[str]:
    """Return `pages` without the headers and footers that most of them share.

    A line is the same if its text is, or all of it but one number that counts the pages. It is
    removed only at the edge where it repeats, and never if the page would be empty without it.
    """
    split = [page.split("\n") for page in pages]
    if len(pages) < MIN_PAGES:
        return pages
    seen: Counter[tuple[str, str]] = Counter()
    for page, lines in enumerate(split):
        seen.update({(edge, key) for edge, at in _edges(lines) for key in _keys(lines[at], page)})
    often = {key for key, times in seen.items() if times >= REPEATED * len(pages)}
    kept = []
    for page, lines in enumerate(split):
        drop = {
            at
            for edge, at in _edges(lines)
            if any((edge, key) in often for key in _keys(lines[at], page))
        }
        rest = [line for at, line in enumerate(lines) if at not in drop]
        kept.append("\n".join(rest if any(line.strip() for line in rest) else lines))
    return kept


def _edges(lines: list[str]) -> list[tuple[str, int]]:
    """Return the places of the outermost lines that are not blank, and which edge they are at."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    top = [("top", at) for at in filled[:EDGE_LINES]]
    return top + [("bottom", at) for at in filled[-EDGE_LINES:]]


def _keys(line: str, page: int) -> list[str]:
    """Return what a line may share with those of other pages.

    >>> _keys("Page 3 of 9", 2)
    ['page 3 of 9', 'page <1> of 9', 'page 3 of <7>']
    """
    text = " ".join(line.split()).lower()
    numbers = NUMBER.finditer(text) if len(text) <= MAX_EDGE else ()
    return [
        text,
        *(f"{text[: n.start()]}<{int(n[0]) - page}>{text[n.end() :]}" for n in numbers),
    ]
