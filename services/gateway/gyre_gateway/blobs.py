"""The blob folder: bytes under the name of their digest."""

import shutil
from typing import BinaryIO

import fsspec
from anyio import to_thread

from gyre_service.locations import reaching, writing


class Blobs:
    """Writes to any fsspec location. A name that is there has its whole content."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._files, self._root = fsspec.core.url_to_fs(self._url)

    async def put(self, file: BinaryIO, sha256: str) -> str:
        """Keep `file` and return its address, `<blob url>/<sha256[:2]>/<sha256>`.

        Raises:
            Unavailable: The location cannot be written.
        """
        with reaching("blob folder"):
            await to_thread.run_sync(self._put, file, sha256)
        return f"{self._url}/{sha256[:2]}/{sha256}"

    def _put(self, file: BinaryIO, sha256: str) -> None:
        folder = f"{self._root}/{sha256[:2]}"
        path = f"{folder}/{sha256}"
        if self._files.exists(path):
            return
        self._files.makedirs(folder, exist_ok=True)
        file.seek(0)
        with writing(self._files, path) as copy:
            shutil.copyfileobj(file, copy, 1024 * 1024)
