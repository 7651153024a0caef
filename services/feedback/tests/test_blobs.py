from pathlib import Path

import pytest

from gyre_feedback.blobs import Blobs
from gyre_feedback.manifest import digest
from gyre_service.errors import Unavailable


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_bytes_lie_under_their_digest_and_nothing_else_does(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path / "blobs"))

    name = await blobs.put(b"content")
    assert await blobs.put(b"content") == name == digest(b"content")

    [file] = files(tmp_path)
    assert file == tmp_path / "blobs" / name[:2] / name
    assert file.read_bytes() == b"content"


async def test_any_fsspec_location_will_do() -> None:
    blobs = Blobs("memory://feedback-blobs")

    name = await blobs.put(b"content")

    assert blobs._files.cat(f"/feedback-blobs/{name[:2]}/{name}") == b"content"


async def test_a_place_that_cannot_be_written_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file, no folder")

    with pytest.raises(Unavailable, match="blob folder"):
        await Blobs(str(tmp_path / "blobs")).put(b"content")
