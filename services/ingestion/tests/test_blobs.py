import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gyre_ingestion.blobs import Blobs
from gyre_service.errors import Rejected, Unavailable

from .conftest import sha256

DIGEST = sha256(b"bytes")


async def test_an_error_of_a_backends_own_means_that_the_folder_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blobs = Blobs("memory://blobs", max_bytes=10)
    with pytest.raises(Rejected, match="submit it again"):
        await blobs.read(f"{DIGEST[:2]}/{DIGEST}", DIGEST)

    def unreachable(*_: object, **__: object) -> int:
        raise RuntimeError("could not connect to the endpoint")

    monkeypatch.setattr(MemoryFileSystem, "size", unreachable)
    with pytest.raises(Unavailable, match="could not connect"):
        await blobs.read(f"{DIGEST[:2]}/{DIGEST}", DIGEST)


async def test_a_blob_that_is_too_large_is_not_read() -> None:
    blobs = Blobs("memory://blobs", max_bytes=4)
    MemoryFileSystem().pipe(f"/blobs/{DIGEST[:2]}/{DIGEST}", b"bytes")

    with pytest.raises(Rejected, match="5 bytes, at most 4"):
        await blobs.read(f"{DIGEST[:2]}/{DIGEST}", DIGEST)

    MemoryFileSystem().rm("/blobs", recursive=True)
