"""The blob folder: bytes under the name of their digest (DESIGN.md, section 3, rule 9)."""

import os

import fsspec
from anyio import to_thread

from gyre_feedback.manifest import digest
from gyre_service.errors import Unavailable
from gyre_service.ids import new_id


class Blobs:
    """Writes to any fsspec location. A name that is there has its whole content."""

    def __init__(self, url: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url.rstrip("/"))

    async def put(self, content: bytes) -> str:
        """Keep `content` as `<blob url>/<sha256[:2]>/<sha256>` and return the digest.

        Raises:
            Unavailable: The location cannot be written.
        """
        try:
            return await to_thread.run_sync(self._put, content)
        except OSError as error:
            raise Unavailable(f"blob folder: {error}") from error

    def _put(self, content: bytes) -> str:
        name = digest(content)
        folder = f"{self._root}/{name[:2]}"
        path = f"{folder}/{name}"
        if not self._files.exists(path):
            self._files.makedirs(folder, exist_ok=True)
            # Under its own name only when it is whole, and on the disk.
            unfinished = f"{path}.{new_id()}"
            with self._files.open(unfinished, "wb") as file:
                file.write(content)
                file.flush()
                if "file" in self._files.protocol:
                    os.fsync(file.fileno())
            self._files.mv(unfinished, path)
        return name
