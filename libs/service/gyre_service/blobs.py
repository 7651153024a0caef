"""The blob folder: bytes under the name of their digest."""

import hashlib

import fsspec
from anyio import to_thread

from gyre_service.errors import NotFound, Unavailable
from gyre_service.locations import reaching, writing


class Blobs:
    """Writes to, and reads from, any fsspec location. A name that is there is whole."""

    def __init__(self, url: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url.rstrip("/"))

    async def put(self, content: bytes) -> str:
        """Keep `content` as `<blob url>/<sha256[:2]>/<sha256>` and return the digest.

        Raises:
            Unavailable: The location cannot be written.
        """
        with reaching("blob folder"):
            return await to_thread.run_sync(self._put, content)

    async def get(self, digest: str) -> bytes:
        """Return the bytes of that SHA-256.

        Raises:
            NotFound: There are none.
            Unavailable: The location cannot be read, or what lies there is damaged.
        """
        with reaching("blob folder"):
            try:
                content = await to_thread.run_sync(self._get, digest)
            except FileNotFoundError as error:
                raise NotFound(f"there is no blob {digest}") from error
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
            with writing(self._files, path) as file:
                file.write(content)
        return name
