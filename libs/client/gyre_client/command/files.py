"""Files: which of a folder are documents and under which names, and what one says."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gyre_client.errors import GyreError

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf")
READABLE = ", ".join(SUFFIXES)


@dataclass(frozen=True)
class File:
    """A file and the document's name: the same name again is the same document.

    Attributes:
        problem: Why nothing of it can be read: it is a folder that is closed to us.
    """

    path: Path
    name: str
    problem: str = ""

    @property
    def is_readable(self) -> bool:
        return self.path.suffix.lower() in SUFFIXES


def text_of(file: Path) -> str:
    """Return what a file says.

    Raises:
        GyreError: It cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise GyreError(f"{file} is not UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise GyreError(f"cannot read {file}: {error.strerror}") from error


def find(paths: Sequence[Path], here: Path) -> list[File]:
    """Return the files under `paths`; a file named itself is taken whatever its kind.

    A name is the path from `here` for what lies there; for what does not, it begins with the
    given folder's or file's own name.

    Raises:
        GyreError: A path does not exist or cannot be looked at; nothing was found; or two files
            have one name.
    """
    try:
        return _find(paths, here)
    except OSError as error:
        raise GyreError(f"cannot read {error.filename}: {error.strerror}") from error


def _find(paths: Sequence[Path], here: Path) -> list[File]:
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
    closed: list[OSError] = []
    for folder, folders, names in os.walk(whole, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = File(Path(folder, name), Path(folder, name).relative_to(root).as_posix())
            if not name.startswith(".") and file.is_readable and file.path.is_file():
                yield file
    for error in closed:
        at = Path(error.filename)
        yield File(at, at.relative_to(root).as_posix(), error.strerror or str(error))
