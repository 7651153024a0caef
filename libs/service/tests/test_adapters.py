import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from safetensors.torch import save_file

from gyre_service.adapters import (
    CONFIG,
    MANIFEST,
    WEIGHTS,
    NoFolder,
    check_place,
    fetch,
    seal,
    store,
    verify,
)
from gyre_service.errors import Rejected, Unavailable

BASE = "b" * 64
MODULE = "base_model.model.model.layers.0.self_attn.q_proj"
GOOD = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}


def folder(path: Path, **changes: Any) -> Path:
    path.mkdir(exist_ok=True)
    (path / CONFIG).write_text(json.dumps(GOOD | changes))
    save_file(
        {f"{MODULE}.lora_A.weight": torch.ones(8, 4), f"{MODULE}.lora_B.weight": torch.ones(4, 8)},
        path / WEIGHTS,
    )
    return path


def test_a_sealed_folder_is_what_its_digest_says(tmp_path: Path) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {"job_id": "1"})
    assert seal(made, BASE, {"job_id": "1"}) == digest
    assert verify(made, digest, BASE).about == {"job_id": "1"}


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, MANIFEST])
def test_a_changed_file_is_refused(tmp_path: Path, name: str) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    with (made / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(Rejected, match=r"changed|another one"):
        verify(made, digest, BASE)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, MANIFEST])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    (made / name).unlink()
    with pytest.raises(Rejected, match=r"an adapter is|no manifest"):
        verify(made, digest, BASE)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, MANIFEST])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    made = folder(tmp_path)
    digest = seal(made, BASE, {})
    (made / name).unlink()
    (made / name).mkdir()  # whoever may read everything cannot read that

    with pytest.raises(Rejected, match=f"{name} cannot be read"):
        verify(made, digest, BASE)


def test_a_file_that_is_a_link_or_a_pipe_is_refused(tmp_path: Path) -> None:
    makers: list[Callable[[Path], None]] = [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo]
    for number, make in enumerate(makers):
        made = folder(tmp_path / str(number))
        digest = seal(made, BASE, {})
        (made / WEIGHTS).unlink()
        make(made / WEIGHTS)
        with pytest.raises(Rejected, match=f"{WEIGHTS} cannot be read: it is no plain file"):
            verify(made, digest, BASE)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///adapters/default",
        f"file:///adapters/{BASE[:12]}",
        f"file:///adapters/../{BASE}",
        f"file:///adapters/{BASE}/..",
        f"file:///adapters/{BASE}/",
        "",
    ],
)
def test_a_place_that_is_not_the_adapters_own_is_refused(uri: str) -> None:
    check_place(f"s3://adapters/{BASE}", BASE)
    with pytest.raises(Rejected, match="expected a path that ends with its whole digest"):
        check_place(uri, BASE)


def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path / "a")
    seal(made, BASE, {})
    manifest = json.loads((made / MANIFEST).read_text())
    manifest["files"]["../../etc/passwd"] = "c" * 64
    text = json.dumps(manifest)
    (made / MANIFEST).write_text(text)

    with pytest.raises(Rejected, match="an adapter is"):
        verify(made, hashlib.sha256(text.encode()).hexdigest(), BASE)


def test_a_further_file_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    (made / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(Rejected, match=r"adapter_model\.bin"):
        verify(made, digest, BASE)
    with pytest.raises(Rejected, match=r"adapter_model\.bin"):
        seal(made, BASE, {})


def test_another_base_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    with pytest.raises(Rejected, match="was made for the base bbbb"):
        verify(made, digest, "c" * 64)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_dora": True},
        {"bias": "all"},
        {"lora_bias": True},
        {"modules_to_save": ["lm_head"]},
        {"auto_mapping": {"base_model_class": "Evil"}},
        {"layer_replication": [[0, 1]]},
        {"use_qalora": True},
        {"target_parameters": ["experts.weight"]},
        {"lora_alpha": None},
        {"lora_alpha": 0},
        {"lora_alpha": True},
        {"lora_alpha": float("nan")},
        {"lora_alpha": 10**400},
        {"target_modules": []},
        {"target_modules": None},
        {"target_modules": [1]},
        {"init_lora_weights": "pissa"},
        {"peft_type": "IA3"},
        {"r": 0},
        {"r": 32},
        {"r": "8"},
        {"rank_pattern": {"q_proj": 64}},
    ],
)
def test_what_the_engine_does_not_serve_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    made = folder(tmp_path / "a", **changes)
    digest = seal(made, BASE, {})
    with pytest.raises(Rejected, match=next(iter(changes))):
        verify(made, digest, BASE, max_rank=16)


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    made = folder(tmp_path / "a")
    (made / CONFIG).write_bytes(text)
    digest = seal(made, BASE, {})
    with pytest.raises(Rejected, match=CONFIG):
        verify(made, digest, BASE)


async def test_stored_twice_it_lies_in_one_place_and_can_be_fetched(tmp_path: Path) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    location = tmp_path / "adapters"
    uri = await store(made, str(location))
    assert await store(made, str(location)) == uri
    assert [path.name for path in location.iterdir()] == [digest]
    found = await fetch(uri, tmp_path / "cache")
    assert found == location / digest
    verify(found, digest, BASE)


async def test_what_lies_elsewhere_is_copied_once(tmp_path: Path) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    uri = await store(made, "memory://adapters")
    first = await fetch(uri, tmp_path / "cache")
    assert await fetch(uri, tmp_path / "cache") == first
    verify(first, digest, BASE)


async def test_an_adapter_that_is_not_there_may_come_later(tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match="no folder"):
        await fetch(f"file://{tmp_path}/none", tmp_path / "cache")
    with pytest.raises(NoFolder):
        await fetch("memory://adapters/none", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


async def test_a_location_that_is_away_says_nothing_of_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no folder") as caught:
        await fetch(f"file://{tmp_path}/none/{BASE}", tmp_path / "cache")
    assert not isinstance(caught.value, NoFolder)


async def test_what_cannot_be_stored_or_copied_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, location, cache = folder(tmp_path / "a"), tmp_path / "adapters", tmp_path / "cache"
    seal(made, BASE, {})
    uri = await store(made, "memory://adapters")

    def full(_: object, source: str, target: str) -> None:
        Path(target).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalFileSystem, "put_file", full)
    monkeypatch.setattr(MemoryFileSystem, "get_file", full)
    with pytest.raises(Unavailable, match="No space left"):
        await store(made, str(location))
    with pytest.raises(Unavailable, match="No space left"):
        await fetch(uri, cache)

    assert [path for path in (*location.rglob("*"), *cache.rglob("*")) if path.is_file()] == []
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("scheme", ["foo", "sftp"])  # not known, and of a package that is not here
async def test_a_location_that_nothing_here_can_reach_is_refused(
    tmp_path: Path, scheme: str
) -> None:
    made = folder(tmp_path / "a")
    digest = seal(made, BASE, {})
    with pytest.raises(Rejected, match="is no location that can be reached from here"):
        await fetch(f"{scheme}://host/{digest}", tmp_path / "cache")
    with pytest.raises(Rejected, match="is no location that can be reached from here"):
        await store(made, f"{scheme}://host")


async def test_an_error_of_a_backends_own_means_that_the_location_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise RuntimeError("could not connect to the endpoint")

    made = folder(tmp_path / "a")
    seal(made, BASE, {})
    monkeypatch.setattr(MemoryFileSystem, "ls", unreachable)
    monkeypatch.setattr(MemoryFileSystem, "exists", unreachable)
    with pytest.raises(Unavailable, match="could not connect"):
        await fetch("memory://adapters/none", tmp_path / "cache")
    with pytest.raises(Unavailable, match="could not connect"):
        await store(made, "memory://adapters")
