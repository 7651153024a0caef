"""Bytes to text, and text to one spelling."""

import re
import unicodedata

from gyre_service.errors import Rejected

BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Zero-width and direction marks, the soft hyphen: they hide words from search, or text from people.
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
SURROGATE = re.compile("[\ud800-\udfff]")
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
MIN_SPELT = 10  # letters of several bytes for each wrong one: in other encodings few are
MAX_CONTROLS = 0.01  # share of the characters: more is not text


def decode(data: bytes, charset: str | None = None) -> str:
    """Return the text of `data`.

    Tried in this order: its byte order mark, UTF-8 (in which a few bytes may be wrong: they are
    replaced), `charset`, Windows-1252.

    Args:
        data: The whole file.
        charset: What the sender or the document itself says.

    Raises:
        Rejected: It is not text.
    """
    encodings = [name for mark, name in BOMS if data.startswith(mark)][:1] or ["utf-8"]
    for encoding in (*encodings, charset or "cp1252", "cp1252"):
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError):
            if not encoding.startswith("utf-8") or not _is_utf8_but_for_a_few(data):
                continue
            text = data.decode(encoding, "replace")
        if len(CONTROLS.findall(text)) > MAX_CONTROLS * len(text):
            break
        return text
    raise Rejected("the file is binary, not text: send Markdown, plain text, HTML or PDF")


def _is_utf8_but_for_a_few(data: bytes) -> bool:
    """Tell whether far more characters are spelt as only UTF-8 does than bytes are wrong."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    spelt = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return spelt >= MIN_SPELT * wrong


def normalise(text: str) -> str:
    r"""Return `text` in Unicode NFC, with `\n` line ends and without what nobody sees.

    Halves of a character, which a PDF's font may name, are joined or replaced: no UTF-8 has them.

    >>> normalise("cafe\u0301\r\nx\u200b")
    'café\nx'
    """
    if SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]", "\n", text)
    return CONTROLS.sub("", INVISIBLE.sub("", text)).replace("\u00a0", " ")


def one_line(text: str) -> str:
    return " ".join(text.split())
