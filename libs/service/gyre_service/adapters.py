"""The folder of a LoRA adapter: named by its digest, checked before it is used, never changed.

`manifest.json` names every file with its SHA-256, the base that the adapter was made for, and
what its maker wants to be known of it; the SHA-256 of the manifest is the adapter's digest.
"""

import hashlib
import json
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any, Literal

import fsspec
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gyre_events.base import Digest
from gyre_service.adapter_weights import Modules, check_weights
from gyre_service.errors import Rejected, Unavailable
from gyre_service.ids import new_id
from gyre_service.locations import reaching, whole

CONFIG, WEIGHTS, MANIFEST = "adapter_config.json", "adapter_model.safetensors", "manifest.json"
MAX_ALPHA = 1_000_000  # far above any in use, and a number that a float holds

# What vLLM serves as it is. Everything else it refuses late, or ignores in silence.
_EXPECTED: dict[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none",),
    "use_dora": (False, None),
    "lora_bias": (False, None),
    "use_qalora": (False, None),
    "use_bdlora": (None, False),
    "target_parameters": (None, []),
    "modules_to_save": (None, []),
    "alora_invocation_tokens": (None,),
    "layer_replication": (None,),
    "auto_mapping": (None,),
    "trainable_token_indices": (None,),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "init_lora_weights": (True, "gaussian", None),
}


class NoFolder(Unavailable):
    """The location answers, but has no such folder (yet)."""


class Manifest(BaseModel):
    """What an adapter's folder consists of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["gyre-adapter-1"] = "gyre-adapter-1"
    base: Digest
    files: dict[str, Digest]
    about: dict[str, Any] = Field(default={}, description="of its making, for people")


def seal(folder: Path, base_digest: str, about: dict[str, Any]) -> str:
    """Write the manifest of a folder that has config and weights; return the adapter's digest.

    Raises:
        Rejected: A file is missing, or one is there that does not belong.
    """
    names = {path.name for path in folder.iterdir()} - {MANIFEST}
    if names != {CONFIG, WEIGHTS}:
        raise Rejected(f"an adapter is {CONFIG} and {WEIGHTS}, here are {sorted(names)}")
    manifest = Manifest(
        base=base_digest,
        files={name: _digest(folder / name) for name in sorted(names)},
        about=about,
    )
    text = json.dumps(manifest.model_dump(), sort_keys=True, separators=(",", ":"))
    (folder / MANIFEST).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(
    folder: Path,
    digest: str,
    base_digest: str,
    *,
    max_rank: int = 512,
    modules: Modules | None = None,
) -> Manifest:
    """Return the manifest of an adapter that may be loaded.

    Args:
        folder: Of the adapter.
        digest: That it is known by.
        base_digest: Of the base that it is to change.
        max_rank: That the engine takes.
        modules: That the base has, where that is known.

    Raises:
        Rejected: It is not what its digest says, was made for another base, is of a kind that
            the engine does not serve, has weights that are none or not finite, or cannot be read.
    """
    try:
        return _verify(folder, digest, base_digest, max_rank, modules)
    except OSError as error:
        name = Path(error.filename or folder).name
        raise Rejected(
            f"adapter {digest[:12]}: {name} cannot be read: {error.strerror or error}"
        ) from error


def _verify(
    folder: Path, digest: str, base_digest: str, max_rank: int, modules: Modules | None
) -> Manifest:
    for path in folder.iterdir():
        # A link leads out of the folder, a pipe makes its reader wait forever.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Rejected(
                f"adapter {digest[:12]}: {path.name} cannot be read: it is no plain file"
            )
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise Rejected(f"adapter {digest[:12]}: no {MANIFEST}: {error.strerror}") from error
    if hashlib.sha256(text).hexdigest() != digest:
        raise Rejected(f"adapter {digest[:12]}: its {MANIFEST} is that of another one")
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise Rejected(f"adapter {digest[:12]}: {MANIFEST}: {error}") from error
    if manifest.base != base_digest:
        raise Rejected(
            f"adapter {digest[:12]} was made for the base {manifest.base[:12]}, "
            f"served is {base_digest[:12]}"
        )
    there = {path.name for path in folder.iterdir()} - {MANIFEST}
    if there != {CONFIG, WEIGHTS} or set(manifest.files) != there:
        raise Rejected(f"an adapter is {CONFIG} and {WEIGHTS}, here are {sorted(there)}")
    for name, expected in manifest.files.items():
        if _digest(folder / name) != expected:
            raise Rejected(f"adapter {digest[:12]}: {name} has changed since it was sealed")
    config = check_config((folder / CONFIG).read_bytes(), max_rank)
    check_weights(folder / WEIGHTS, config["r"], config["target_modules"], modules)
    return manifest


def check_config(text: bytes, max_rank: int) -> dict[str, Any]:
    """Return a configuration of peft that the engine serves.

    Raises:
        Rejected: It names what is wrong.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"{CONFIG} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise Rejected(f"{CONFIG} is no JSON object")
    for name, allowed in _EXPECTED.items():
        value = config.get(name, allowed[-1] if name != "peft_type" else None)
        if value not in allowed:
            raise Rejected(f"{CONFIG}: {name} is {value!r}, expected {allowed[0]!r}")
    rank = config.get("r")
    if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= max_rank:
        raise Rejected(f"{CONFIG}: r is {rank!r}, expected 1 to {max_rank}")
    alpha: Any = config.get("lora_alpha")
    is_number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    if not is_number or not 0 < alpha <= MAX_ALPHA:
        raise Rejected(f"{CONFIG}: lora_alpha is {alpha!r}, expected above 0 to {MAX_ALPHA}")
    targets = config.get("target_modules")
    names = targets if isinstance(targets, list) else [targets]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise Rejected(f"{CONFIG}: target_modules is {targets!r}, expected names of modules")
    return config


def check_place(uri: str, digest: str) -> None:
    """Let a place pass that belongs to this adapter alone.

    The engine's caches know an adapter by its path: one that another adapter had before, or that
    leads elsewhere, would serve what is not this one's.

    Raises:
        Rejected: The path does not end with the digest, or goes up.
    """
    parts = uri.split("/")
    if ".." in parts or parts[-1] != digest:
        raise Rejected(
            f"adapter {digest[:12]} lies at {uri}: expected a path that ends with its whole "
            "digest, without '..'"
        )


async def store(folder: Path, adapter_url: str) -> str:
    """Copy a sealed folder to `<adapter_url>/<digest>`, if it is not there, and return that.

    Raises:
        Rejected: It is no location that can be reached from here.
        Unavailable: The location cannot be written.
    """
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    with reaching("adapter location"):
        return await to_thread.run_sync(_store, folder, adapter_url, digest)


async def fetch(uri: str, cache: Path) -> Path:
    """Return a local folder with the adapter's files: the place itself where it is local.

    Args:
        uri: As `store` returned it.
        cache: Where copies of what lies elsewhere are kept.

    Raises:
        Rejected: It is no location that can be reached from here.
        NoFolder: The location has no such folder (yet).
        Unavailable: The location cannot be read.
    """
    with reaching(f"adapter {uri}"):
        try:
            return await to_thread.run_sync(_fetch, uri, cache)
        except FileNotFoundError as error:
            raise NoFolder(f"adapter {uri}: {error}") from error


def _opened(url: str) -> tuple[Any, str]:
    try:
        files, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise Rejected(f"{url} is no location that can be reached from here: {error}") from error
    return files, str(path)


def _store(folder: Path, adapter_url: str, digest: str) -> str:
    files, root = _opened(adapter_url.rstrip("/"))
    place = f"{root}/{digest}"
    if not files.exists(f"{place}/{MANIFEST}"):
        # Others may store the same adapter at this moment: each file is put whole, the manifest
        # last, and both write the same bytes.
        files.makedirs(place, exist_ok=True)
        for name in (CONFIG, WEIGHTS, MANIFEST):
            unfinished = f"{root}/.{new_id()}"
            with whole(files, unfinished, f"{place}/{name}"):
                files.put_file(str(folder / name), unfinished)
    return str(files.unstrip_protocol(place))


def _fetch(uri: str, cache: Path) -> Path:
    files, place = _opened(uri)
    if "file" in files.protocol:
        if not Path(place).parent.is_dir():  # a volume that is not there tells nothing
            raise OSError(f"no folder {Path(place).parent}")
        if not Path(place).is_dir():
            raise FileNotFoundError(f"no folder {place}")
        return Path(place)
    kept = cache / hashlib.sha256(uri.encode()).hexdigest()
    if not kept.is_dir():
        there = files.ls(place, detail=False)
        cache.mkdir(parents=True, exist_ok=True)
        copy = Path(tempfile.mkdtemp(dir=cache))
        try:
            for path in there:
                files.get_file(path, str(copy / Path(path).name))
            copy.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another one was faster
                raise
        finally:
            shutil.rmtree(copy, ignore_errors=True)
    return kept


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
