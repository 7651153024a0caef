"""Which files of a folder are documents, and under which names."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gyre_client.errors import GyreError

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf")
READABLE = ", ".join(SUFFIXES)


@dataclass(frozen=True)
class File:
    """A file and the document's name: the same name again is the same document."""

    path: Path
    name: str

    @property
    def is_readable(self) -> bool:
        return self.path.suffix.lower() in SUFFIXES


def find(paths: Sequence[Path], here: Path) -> list[File]:
    """Return the files under `paths`; a file named itself is taken whatever its kind.

    A name is the path from `here` for what lies there; for what does not, it begins with the
    given folder's or file's own name.

    Raises:
        GyreError: A path does not exist, nothing was found, or two files have one name.
    """
    found: dict[str, File] = {}
    for path in paths:
        if not path.exists():
            raise GyreError(f"{path} does not exist")
        for file in _under(path, here.resolve()):
            other = found.setdefault(file.name, file)
            if other.path.resolve() != file.path.resolve():
                raise GyreError(
                    f"{other.path} and {file.path} would both be the document {file.name!r}: "
                    "run this in a folder above both"
                )
    if not found:
        places = ", ".join(str(path) for path in paths)
        raise GyreError(f"no document in {places}: looked for {READABLE}")
    return list(found.values())


def _under(path: Path, here: Path) -> Iterator[File]:
    whole = path.resolve()
    root = here if whole.is_relative_to(here) else whole.parent
    if not path.is_dir():
        yield File(path, whole.relative_to(root).as_posix())
        return
    for folder, folders, names in os.walk(whole):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = File(Path(folder, name), Path(folder, name).relative_to(root).as_posix())
            if not name.startswith(".") and file.is_readable and file.path.is_file():
                yield file
