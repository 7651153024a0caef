"""The bench's own stack: from an empty home to questions that can be asked."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from grpc import StatusCode, aio

from gyre_bench.errors import BenchError
from gyre_bench.processes import CLIENT
from gyre_bench.questions import (
    DOCUMENTS,
    MOST,
    PLAIN,
    PLAIN_PROMPT,
    SURVEY,
    Asked,
    Question,
    about,
    openings,
    world,
    worth_asking,
)
from gyre_bench.sides import Grpc
from gyre_client import AsyncGyre
from gyre_local.environment import Model, of_service
from gyre_local.stack import REPO, Stack
from gyre_local.start import prepare_model, prepared
from gyre_local.supervisor import Supervisor
from gyre_rpc.inference.v1 import inference_pb2 as pb

# A tenant a side: the prefix cache is salted with it, and one side's prompts would be in it when
# the next one asks the same.
KEYS = {"inference": "bench-grpc", "gateway": "bench-http"}
ROUTE_S = 60.0
SURVEYORS = 4


def local(command: str, **environment: str) -> None:
    """Run a command of `gyre_local` on the stack of the environment.

    Raises:
        BenchError: It failed; it has said why.
    """
    done = subprocess.run(
        [sys.executable, "-m", "gyre_local", command],
        cwd=REPO,
        env=os.environ | environment,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"gyre_local {command} failed: see above")


@contextmanager
def running(**environment: str) -> Iterator[Stack]:
    """Have a stack that was empty when it started, and ends with the block."""
    local("down")
    local("empty")
    local("up", **environment)
    try:
        yield Stack.from_environment()
    finally:
        local("down")


def model_of(stack: Stack, name: str) -> Model:
    """Return the model as it is prepared for serving."""
    return prepared(prepare_model(stack, name), name)


def as_inference(stack: Stack, model: Model) -> dict[str, str]:
    """Return the environment that `inference` has on this stack."""
    stack.run.mkdir(parents=True, exist_ok=True)
    return of_service(stack, "inference", model)


def pids_of(stack: Stack) -> dict[str, int]:
    """Return the processes of a stack that runs, and of who asks it."""
    processes = Supervisor(stack).processes()
    return {name: one.pid for name, one in processes.items() if one.pid} | {CLIENT: os.getpid()}


async def furnish(stack: Stack) -> dict[str, str]:
    """Give each tenant the documents and the routes; return the prompt of each route."""
    documents, prompts = world().documents, dict[str, str]()
    for key in KEYS.values():
        async with AsyncGyre(f"http://127.0.0.1:{stack.gateway_port}", key) as gyre:
            handed_in = [
                await gyre.submit(each.name, each.text.encode(), DOCUMENTS) for each in documents
            ]
            for submission in handed_in:
                document = await gyre.settle(submission)
                if document.status != "indexed":
                    raise BenchError(f"{document.name} is {document.status}, not indexed")
            plain = await gyre.put_route(PLAIN, collection=DOCUMENTS, prompt=PLAIN_PROMPT)
            searched = await gyre.put_route(DOCUMENTS, collection=DOCUMENTS)
            prompts = {PLAIN: plain.prompt, DOCUMENTS: searched.prompt}
    return prompts


async def survey(side: Grpc, max_tokens: int) -> dict[str, tuple[Question, ...]]:
    """Ask every question once, to know its passages and which answers are long.

    Args:
        side: `inference`.
        max_tokens: Of an answer that counts as long.
    """
    slots = asyncio.Semaphore(SURVEYORS)

    async def one(text: str, retrieval: bool) -> tuple[Question, str] | None:
        async with slots:
            found = await _complete(side, Asked(Question(text), SURVEY, retrieval, max_tokens))
        if not found.finished.usage.completion_tokens:
            return None  # nothing was found, so the engine was not asked
        passages = tuple(passage.text for passage in found.started.passages)
        question = Question(text, passages, found.finished.usage.prompt_tokens)
        return question, found.finished.finish_reason

    async def every(texts: list[str], retrieval: bool) -> list[tuple[Question, str]]:
        asked = await asyncio.gather(*(one(text, retrieval) for text in texts))
        return [each for each in asked if each is not None]

    plain = worth_asking(await every(openings(), False))
    documents = tuple(question for question, _ in await every(about(world()), True))
    if min(len(plain), len(documents)) < MOST // 10:
        raise BenchError(f"of {MOST} questions {len(documents)} found something: too few")
    return {PLAIN: plain, DOCUMENTS: documents}


async def _complete(side: Grpc, asked: Asked) -> pb.CompleteResponse:
    end = time.monotonic() + ROUTE_S
    while True:
        try:
            return await side.complete(asked)
        except aio.AioRpcError as error:  # a new route is known to inference a moment later
            if error.code() is not StatusCode.NOT_FOUND or time.monotonic() > end:
                raise
        await asyncio.sleep(0.5)
