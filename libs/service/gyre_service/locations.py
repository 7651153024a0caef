"""Files at an fsspec location: what its backend raises, and names that whole files have."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from gyre_service.errors import ServiceError, Unavailable
from gyre_service.ids import new_id


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Let what a location raises mean that it is away; errors of ours pass as they are.

    Args:
        what: In words, for the message.

    Raises:
        Unavailable: For anything else: backends have errors of their own beside `OSError`.
    """
    try:
        yield
    except ServiceError:
        raise
    except Exception as error:
        raise Unavailable(f"{what}: {error}") from error


@contextmanager
def whole(files: Any, unfinished: str, path: str) -> Iterator[None]:
    """Give a file that is written to `unfinished` its own name, or remove what is there of it.

    Args:
        files: The fsspec file system.
        unfinished: Beside `path`, of one writer only.
        path: Its own name: nobody finds half of it there.
    """
    try:
        yield
        files.mv(unfinished, path)
    except BaseException:
        with suppress(Exception):  # what went wrong first is said
            files.rm_file(unfinished)
        raise


@contextmanager
def writing(files: Any, path: str) -> Iterator[IO[bytes]]:
    """Yield a new file; it has its name only when it is whole, and on the disk."""
    unfinished = f"{path}.{new_id()}"
    with whole(files, unfinished, path), files.open(unfinished, "wb") as file:
        yield file
        file.flush()
        if "file" in files.protocol:
            os.fsync(file.fileno())
