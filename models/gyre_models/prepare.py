"""`python -m gyre_models.prepare`: makes a model ready to be served, once.

The last line of stdout is JSON: name, path, digest and revision of the model's folder.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from gyre_models import gemma
from gyre_models.errors import ModelError
from gyre_models.folder import check_files, check_template, digest_of, digests, stamp
from gyre_models.pins import GEMMA_VERSION

REFERENCE = Path(__file__).parents[1] / "reference"
HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
COMMIT = re.compile(r"^[0-9a-f]{40}$")


def say(text: str) -> None:
    sys.stderr.write(f"model: {text}\n")
    sys.stderr.flush()


def prepare(model: str, cache: Path, revision: str = "", *, copy: bool = False) -> dict[str, str]:
    """Return name, path, digest and revision of a model that can be served.

    Args:
        model: `gemma-3-270m`, `gemma-3-270m-pt` (what its starter adapter is trained on),
            `reference`, a folder, or the id of a model on a hub.
        cache: Where folders are made and manifests kept.
        revision: Of a hub's model: the commit, 40 hexadecimal digits.
        copy: Have a copy of a folder in `cache`, for those who do not see the folder itself.

    Raises:
        ModelError: There is no such model, or it must not be served.
    """
    if not model:
        raise ModelError(
            "no model is named: expected gemma-3-270m, reference, a folder or a hub id"
        )
    cache.mkdir(parents=True, exist_ok=True)
    place = _copy if copy else _point
    if model == "gemma-3-270m":
        return _prepare_gemma(model, gemma.STARTER, cache)
    if model == "gemma-3-270m-pt":
        return _prepare_gemma(model, None, cache)
    if model == "reference":
        if not (REFERENCE / "config.json").is_file():
            raise ModelError(f"the reference model is not there yet: {REFERENCE} has no model")
        return place(model, REFERENCE, cache)
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        return place(folder.name, folder, cache)
    if HUB_ID.match(model) and not model.startswith((".", "/")):
        return _prepare_hub(model, cache, revision)
    raise ModelError(
        f"unknown model {model!r}: expected gemma-3-270m, reference, a folder that exists, "
        "or the id of a model on a hub (organisation/name)"
    )


def _prepare_gemma(name: str, starter: Path | None, cache: Path) -> dict[str, str]:
    recipe = gemma.recipe(starter)
    show_terms_once(cache)
    if ready := _known(cache, name, recipe):
        return ready
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as temporary:
        folder, work = Path(temporary, "model"), Path(temporary, "work")
        folder.mkdir()
        work.mkdir()
        gemma.convert(folder, work, say, starter)
        return _keep(cache, name, folder, GEMMA_VERSION, recipe)


def _prepare_hub(model: str, cache: Path, revision: str) -> dict[str, str]:
    if not COMMIT.match(revision):
        raise ModelError(
            f"model {model} is not pinned: set GYRE_MODEL_REVISION to the commit wanted "
            f"(40 hexadecimal digits), it is {revision!r}"
        )
    name = model.replace("/", "--")
    if ready := _known(cache, name, revision):
        return ready
    from huggingface_hub import snapshot_download

    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as temporary:
        say(f"fetching {model} at {revision}")
        try:
            snapshot_download(
                model,
                revision=revision,
                local_dir=temporary,
                ignore_patterns=["*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.py", "*.gguf"],
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"model {model} cannot be fetched: {error}".splitlines()[0]) from error
        folder = Path(temporary)
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        if not any(folder.glob("*.safetensors")):
            raise ModelError(
                f"model {model} has no safetensors: pickled weights run code when they are "
                "loaded, and are never fetched"
            )
        return _keep(cache, name, folder, revision, revision)


def _point(name: str, folder: Path, cache: Path) -> dict[str, str]:
    """Serve a folder from where it lies; read all of it only when it has changed."""
    check_files(folder, name)
    where = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    manifest = cache / f"{name}-at-{where}.json"
    found = _read(manifest)
    if found and found["stamp"] == stamp(folder):
        return _result(found)
    check_template(folder, name)
    return _record(manifest, name, folder, "", "")


def _copy(name: str, folder: Path, cache: Path) -> dict[str, str]:
    check_files(folder, name)
    recipe = json.dumps([str(folder), stamp(folder)])
    if ready := _known(cache, name, recipe):
        return ready
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as temporary:
        made = Path(temporary, "model")
        shutil.copytree(folder, made, ignore=shutil.ignore_patterns(".cache"))
        return _keep(cache, name, made, "", recipe)


def _known(cache: Path, name: str, recipe: str) -> dict[str, str] | None:
    found = _read(cache / f"{name}.json")
    if not found or found["recipe"] != recipe:
        return None
    folder = Path(found["path"])
    return _result(found) if folder.is_dir() and found["stamp"] == stamp(folder) else None


def _keep(cache: Path, name: str, made: Path, revision: str, recipe: str) -> dict[str, str]:
    """Give a complete folder its name: until now nobody could see it."""
    check_files(made, name)
    check_template(made, name)
    say("taking its digest")
    files = digests(made)
    digest = digest_of(files)
    folder = cache / f"{name}-{digest[:8]}"
    if folder.exists() and digest_of(digests(folder)) != digest:
        shutil.rmtree(folder)  # somebody changed it
    if not folder.exists():
        made.chmod(0o755)
        made.rename(folder)
    return _record(cache / f"{name}.json", name, folder, revision, recipe, files)


def _record(
    manifest: Path,
    name: str,
    folder: Path,
    revision: str,
    recipe: str,
    files: dict[str, str] | None = None,
) -> dict[str, str]:
    files = files or digests(folder)
    record: dict[str, Any] = {
        "name": name,
        "path": str(folder.absolute()),
        "digest": digest_of(files),
        "revision": revision,
        "recipe": recipe,
        "files": files,
        "stamp": stamp(folder),
    }
    partial = manifest.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2))
    partial.replace(manifest)
    return _result(record)


def _read(manifest: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(manifest.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if {"name", "path", "digest", "revision", "stamp"} <= found.keys() else None


def _result(record: dict[str, Any]) -> dict[str, str]:
    return {key: record[key] for key in ("name", "path", "digest", "revision")}


def show_terms_once(cache: Path) -> None:
    marker = cache / "gemma-terms-shown"
    if not marker.exists():
        sys.stderr.write(gemma.TERMS.read_text())
        marker.touch()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m gyre_models.prepare", description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--cache", required=True, type=Path)
    parser.add_argument("--copy", action="store_true", help="a folder into the cache as well")
    wanted = parser.parse_args(arguments)
    try:
        revision = os.environ.get("GYRE_MODEL_REVISION", "")
        result = prepare(wanted.model, wanted.cache, revision, copy=wanted.copy)
    except (ModelError, OSError) as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted: what was not whole is not kept")
        return 130
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
