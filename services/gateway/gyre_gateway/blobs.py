"""The blob folder: bytes under the name of their digest."""

import os
import shutil
from contextlib import suppress
from typing import BinaryIO

import fsspec
from anyio import to_thread

from gyre_service.errors import Unavailable
from gyre_service.ids import new_id


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
        try:
            await to_thread.run_sync(self._put, file, sha256)
        except Exception as error:  # backends of fsspec have errors of their own beside OSError
            raise Unavailable(f"blob folder: {error}") from error
        return f"{self._url}/{sha256[:2]}/{sha256}"

    def _put(self, file: BinaryIO, sha256: str) -> None:
        folder = f"{self._root}/{sha256[:2]}"
        path = f"{folder}/{sha256}"
        if self._files.exists(path):
            return
        self._files.makedirs(folder, exist_ok=True)
        # Under its own name only when it is whole, and on the disk.
        unfinished = f"{path}.{new_id()}"
        file.seek(0)
        try:
            with self._files.open(unfinished, "wb") as copy:
                shutil.copyfileobj(file, copy, 1024 * 1024)
                copy.flush()
                if "file" in self._files.protocol:
                    os.fsync(copy.fileno())
            self._files.mv(unfinished, path)
        except BaseException:
            with suppress(Exception):  # what went wrong first is said
                self._files.rm_file(unfinished)
            raise
