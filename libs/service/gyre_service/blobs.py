"""The blob folder: bytes under the name of their digest."""

import hashlib
import os
from contextlib import suppress

import fsspec
from anyio import to_thread

from gyre_service.errors import NotFound, Unavailable
from gyre_service.ids import new_id


class Blobs:
    """Writes to, and reads from, any fsspec location. A name that is there is whole."""

    def __init__(self, url: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url.rstrip("/"))

    async def put(self, content: bytes) -> str:
        """Keep `content` as `<blob url>/<sha256[:2]>/<sha256>` and return the digest.

        Raises:
            Unavailable: The location cannot be written.
        """
        try:
            return await to_thread.run_sync(self._put, content)
        except Exception as error:  # backends of fsspec have errors of their own beside OSError
            raise Unavailable(f"blob folder: {error}") from error

    async def get(self, digest: str) -> bytes:
        """Return the bytes of that SHA-256.

        Raises:
            NotFound: There are none.
            Unavailable: The location cannot be read, or what lies there is damaged.
        """
        try:
            content = await to_thread.run_sync(self._get, digest)
        except FileNotFoundError as error:
            raise NotFound(f"there is no blob {digest}") from error
        except Exception as error:  # as in `put`
            raise Unavailable(f"blob folder: {error}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise Unavailable(f"blob {digest} is damaged: restore it from a backup")
        return content

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    def _get(self, digest: str) -> bytes:
        with self._files.open(self._path(digest), "rb") as file:
            return bytes(file.read())

    def _put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        if not self._files.exists(path):
            self._files.makedirs(f"{self._root}/{name[:2]}", exist_ok=True)
            # Under its own name only when it is whole, and on the disk.
            unfinished = f"{path}.{new_id()}"
            try:
                with self._files.open(unfinished, "wb") as file:
                    file.write(content)
                    file.flush()
                    if "file" in self._files.protocol:
                        os.fsync(file.fileno())
                self._files.mv(unfinished, path)
            except BaseException:
                with suppress(Exception):  # what went wrong first is said
                    self._files.rm_file(unfinished)
                raise
        return name
