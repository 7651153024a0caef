import errno
import hashlib
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gyre_service.blobs import Blobs
from gyre_service.errors import NotFound, Unavailable


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_what_was_put_is_found_under_its_digest(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    digest = await blobs.put(b"bytes")
    assert digest == hashlib.sha256(b"bytes").hexdigest()
    assert await blobs.put(b"bytes") == digest
    assert await blobs.get(digest) == b"bytes"
    assert files(tmp_path) == [digest]


async def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    with pytest.raises(NotFound, match="no blob 00"):
        await blobs.get("0" * 64)
    digest = await blobs.put(b"bytes")
    (tmp_path / digest[:2] / digest).write_bytes(b"other")
    with pytest.raises(Unavailable, match="damaged"):
        await blobs.get(digest)


async def test_a_place_that_cannot_be_written_is_told_as_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="blob folder"):
        await Blobs(str(tmp_path / "file")).put(b"bytes")


async def test_what_cannot_be_written_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gyre_service.locations.os.fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        await Blobs(str(tmp_path)).put(b"bytes")

    assert files(tmp_path) == []


async def test_an_error_of_a_backends_own_means_that_the_location_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise RuntimeError("could not connect to the endpoint")

    monkeypatch.setattr(MemoryFileSystem, "_open", unreachable)
    blobs = Blobs("memory://blobs")
    with pytest.raises(Unavailable, match="could not connect"):
        await blobs.get("0" * 64)
    with pytest.raises(Unavailable, match="could not connect"):
        await blobs.put(b"bytes")
