"""Reads documents in a child process each, so that none can harm or stall the service."""

import asyncio
import json
import logging
import os
import signal
import sys

from gyre_ingestion.chunking import Chunk
from gyre_ingestion.settings import Settings
from gyre_service.errors import Rejected, Unavailable

# Who stops a service may tell its whole process group so, or all of its unit.
ENDED = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

log = logging.getLogger(__name__)


async def prepare(data: bytes, name: str, media_type: str, settings: Settings) -> list[Chunk]:
    """Return the chunks of a document.

    Args:
        data: The whole file.
        name: Its file name, as the sender has it: only text to us.
        media_type: As the sender has it.
        settings: The limits.

    Raises:
        Rejected: It cannot be read, or not within the limits; the message is for its sender.
        Unavailable: The child was asked to end: that says nothing of the document.
    """
    options = {
        "name": name,
        "media-type": media_type,
        "max-chunks": settings.max_chunks,
        "max-words": settings.max_chunk_words,
        "memory-bytes": settings.parser_memory_bytes,
        "cpu-s": settings.parser_cpu_s,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",  # nothing of our environment or working folder decides what it imports
        "-m",
        "gyre_ingestion.child",
        *(f"--{option}={value}".replace("\0", "") for option, value in options.items()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(settings.parser_wall_s):
            said, complained = await child.communicate(data)
    except TimeoutError:
        raise Rejected(
            f"the document took longer than {settings.parser_wall_s:g} s to read: split it"
        ) from None
    finally:
        if child.returncode is None:  # too slow, or we are going down
            child.kill()
            await child.wait()
    if child.returncode in ENDED:
        raise Unavailable("the parser was ended from outside, before it had read the document")
    if child.returncode:
        raise Rejected(_why(child.returncode, complained.decode(errors="replace"), settings))
    answer = json.loads(said)
    if "reason" in answer:
        raise Rejected(answer["reason"])
    return [Chunk(**chunk) for chunk in answer["chunks"]]


def _why(status: int, complained: str, settings: Settings) -> str:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"the document took more than {settings.parser_cpu_s} s of CPU to read: split it"
    log.error("the parser ended with %d: %s", status, complained[-2000:])
    last = (complained.strip().splitlines() or [f"signal {-status}"])[-1][:200]
    return f"the document cannot be read, it stopped the parser ({last}): try another format"
