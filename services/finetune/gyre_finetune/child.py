"""The process that trains, from outside."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gyre_finetune.training.job import Step

T = TypeVar("T")
log = logging.getLogger(__name__)

LAST = 1_000  # characters of its standard error that are kept


class Failed(Exception):
    """It ended without an adapter; the message is the last thing it said."""


@asynccontextmanager
async def training(
    folder: Path, token: int, threads: int, silence_s: float
) -> AsyncIterator[AsyncIterator[Step]]:
    """Start a training and yield its steps; whatever happens inside, it does not outlive this.

    Args:
        folder: Of the job.
        token: Of the claim.
        threads: Of the processor.
        silence_s: It may take to its first step, from one to the next, and to its end.

    Raises:
        Failed: While the steps are read: it ended with an error, or said nothing for too long.
    """
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # serving shares the cores
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gyre_finetune.training"),
        *(str(folder), str(token), str(os.getpid())),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,  # its own group: it is ended with all that it started
    )
    try:
        yield _steps(process, silence_s)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _steps(process: asyncio.subprocess.Process, silence_s: float) -> AsyncIterator[Step]:
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    while line := await _in_time(_line(process.stdout), silence_s):
        yield _step(line)
    code = await _in_time(process.wait(), silence_s)
    last = (await _in_time(said, silence_s)).decode(errors="replace").strip()[-LAST:]
    if code:
        why = last.splitlines()[-1] if last else "it said nothing"
        raise Failed(f"the training ended with status {code}: {why}")
    if last:
        log.warning("the training said: %s", last)


async def _in_time(heard: Awaitable[T], silence_s: float) -> T:
    try:
        return await asyncio.wait_for(heard, silence_s)
    except TimeoutError as error:
        raise Failed(f"the training said nothing for {silence_s:g} s") from error


async def _line(output: asyncio.StreamReader) -> bytes:
    try:
        return await output.readline()
    except ValueError as error:  # a line without an end
        raise Failed(f"the training wrote what is no step: {error}") from error


def _step(line: bytes) -> Step:
    try:
        return Step.model_validate_json(line)
    except ValidationError as error:
        said = line.decode(errors="replace").strip()[:LAST]
        raise Failed(f"the training wrote what is no step: {said}") from error
