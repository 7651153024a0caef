"""Bytes that were too large for an event."""

import hashlib

import fsspec
from anyio import to_thread

from gyre_service.errors import Rejected
from gyre_service.locations import reaching


class Blobs:
    """The folder that the gateway writes, each file under its digest.

    Args:
        url: Any fsspec location.
        max_bytes: What is larger is not read.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url.rstrip("/"))
        self._max_bytes = max_bytes

    async def read(self, dataref: str, sha256: str) -> bytes:
        """Return the bytes that an event refers to.

        The place follows from the digest alone: an event cannot make us read another file.

        Args:
            dataref: As the event has it.
            sha256: As the event has it, hexadecimal.

        Raises:
            Rejected: It is not in the folder, too large, or has other bytes.
            Unavailable: The folder cannot be reached.
        """
        name = f"{sha256[:2]}/{sha256}"
        if dataref != name and not dataref.endswith(f"/{name}"):
            raise Rejected(f"dataref is {dataref!r}: it must end in <sha256[:2]>/<sha256>")
        with reaching("blob folder"):
            try:
                data = await to_thread.run_sync(self._read, f"{self._root}/{name}")
            except FileNotFoundError as error:
                raise Rejected("its bytes are not in the blob folder: submit it again") from error
        check(data, sha256)
        return data

    def _read(self, path: str) -> bytes:
        size = self._files.size(path)
        if size > self._max_bytes:
            raise Rejected(f"the document has {size} bytes, at most {self._max_bytes}: split it")
        data: bytes = self._files.cat_file(path)
        return data


def check(data: bytes, sha256: str) -> None:
    """Let bytes pass that are what the event says.

    Raises:
        Rejected: They are others.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Rejected(f"its bytes have the SHA-256 {found}, the event says {sha256}: send again")
