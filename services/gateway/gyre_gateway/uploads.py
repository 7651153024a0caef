"""A document as it was sent: read once, bounded, described."""

import hashlib
import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, BinaryIO

from anyio import to_thread
from pydantic import Field, StringConstraints

from gyre_gateway.errors import TooLarge
from gyre_service.errors import Rejected

# A name is only text, never a path of ours; what no terminal shows is refused all the same.
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Collection = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
UNKNOWN = "application/octet-stream"
KIND = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")  # RFC 6838
# The name of a character set as RFC 2978 writes it, without quotes or in them.
CHARSET = re.compile(r';\s*charset\s*=\s*("?)([A-Za-z0-9][A-Za-z0-9._:+-]{0,39})\1\s*(?:;|$)', re.I)
mimetypes.add_type("text/markdown", ".md")


@dataclass(frozen=True)
class Upload:
    """One document on its way in."""

    name: str
    collection: str
    media_type: str
    sha256: str
    size_bytes: int
    file: BinaryIO = field(repr=False)


async def described(
    file: BinaryIO, name: str, collection: str, media_type: str | None, max_bytes: int
) -> Upload:
    """Return what is known of `file` after reading it once.

    Raises:
        TooLarge: It has more than `max_bytes`.
        Rejected: It is empty.
    """
    sha256, size = await to_thread.run_sync(_measure, file)
    if size > max_bytes:
        raise TooLarge(f"{name} has {size} bytes, at most {max_bytes}", param="file")
    if size == 0:
        raise Rejected(f"{name} is empty: send its bytes", param="file")
    return Upload(name, collection, _media_type(name, media_type), sha256, size, file)


def _measure(file: BinaryIO) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.sha256()
    size = 0
    while block := file.read(1024 * 1024):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def _media_type(name: str, said: str | None) -> str:
    """Return what the client said, or what the name says if that was nothing, or no media type.

    Of its parameters only `charset` stays: the bytes are read by it where they are not UTF-8.

    >>> _media_type("a.html", 'Text/HTML; charset="Windows-1251"; boundary=x')
    'text/html; charset=windows-1251'
    >>> _media_type("a.html", "a page"), _media_type("a", "a page")
    ('text/html', 'application/octet-stream')
    """
    said = said or ""
    kind = said.partition(";")[0].strip().lower()
    if not KIND.fullmatch(kind) or kind == UNKNOWN:
        kind = mimetypes.guess_type(PurePosixPath(name).name)[0] or UNKNOWN
    charset = CHARSET.search(said)
    return f"{kind}; charset={charset[2].lower()}" if charset else kind
