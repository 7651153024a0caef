"""A model as a folder: what it must hold, and the digest that names it."""

import hashlib
from pathlib import Path

from gyre_models.errors import ModelError

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
BLOCK = 1 << 20


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of `folder`, by its relative name."""
    return {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".cache" not in path.relative_to(folder).parts
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def digest_of(files: dict[str, str]) -> str:
    """Return the digest of a folder: SHA-256 over the lines `<sha256>  <name>`, sorted by name."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def stamp(folder: Path) -> dict[str, list[int]]:
    """Return size and modification time (ns) of every file: equal stamps, equal bytes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): [path.stat().st_size, path.stat().st_mtime_ns]
        for path in found
        if ".cache" not in path.relative_to(folder).parts
    }


def check_files(folder: Path, name: str) -> None:
    """Let a folder pass that can be served without running anybody's code.

    Raises:
        ModelError: It is no model, or its weights are pickled.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(f"model {name}: {folder} has no config.json, so it is no model folder")
    if any(folder.glob("*.safetensors")):
        return
    if pickled := sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED):
        raise ModelError(
            f"model {name} has only pickled weights ({pickled[0]}), which run code when they are "
            "loaded: convert it to safetensors"
        )
    raise ModelError(f"model {name}: {folder} has no weights (*.safetensors)")


def check_template(folder: Path, name: str) -> None:
    """Let a model pass whose prompts begin as it was trained.

    Raises:
        ModelError: It has no chat template, or wants a first token that its template omits.
    """
    from transformers import AutoTokenizer  # seconds to import

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise ModelError(f"model {name} has no chat template: it cannot be asked questions")
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "[1] a\n\nQuestion: b"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    first = tokenizer.encode(text, add_special_tokens=False)[0]
    wanted = tokenizer.bos_token_id
    if wanted is not None and wanted != tokenizer.eos_token_id and first != wanted:
        raise ModelError(
            f"model {name} wants {tokenizer.bos_token!r} as its first token, its chat template "
            f"gives {tokenizer.decode([first])!r}: write the template so that it begins with it"
        )
