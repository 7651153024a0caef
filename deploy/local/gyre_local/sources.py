"""What a program is made of, as one digest: another one starts its processes anew."""

import hashlib
from pathlib import Path

from gyre_local.stack import RUNNER, Stack

LIBS = ("events", "rpc", "service")  # what a service may import of ours


def digest(stack: Stack, program: str) -> str:
    """The SHA-256 of a program's package, the libraries it shares and the locked versions.

    By content: files that were only written again change nothing.
    """
    service = program.removesuffix(RUNNER)
    packages = [stack.repo / "services" / service / f"gyre_{service}"]
    packages += [stack.repo / "libs" / name / f"gyre_{name}" for name in LIBS]
    found = hashlib.sha256()
    for file in [stack.repo / "requirements.lock", *_files(packages)]:
        if file.is_file():
            found.update(f"{file.relative_to(stack.repo)}\n".encode())
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _files(packages: list[Path]) -> list[Path]:
    # What Python writes beside them comes by itself.
    return [
        file
        for package in packages
        for file in sorted(package.rglob("*"))
        if "__pycache__" not in file.parts
    ]
