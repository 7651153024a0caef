"""`python -m gyre_bench.seeds RESULTS_FOLDER`: how often a seed gives the same answer again.

MODEL: default as of `make up`. REQUESTS: of each kind, 200.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grpc import aio

from gyre_bench.errors import BenchError
from gyre_bench.measuring import drive
from gyre_bench.plan import CROWD, counted
from gyre_bench.questions import Questions, route_of
from gyre_bench.sides import Grpc, request_of
from gyre_bench.stack import KEYS, furnish, running, survey
from gyre_bench.telling import concluded
from gyre_client import GyreError
from gyre_local.errors import StackError
from gyre_local.stack import Stack
from gyre_local.start import DEFAULT_MODEL
from gyre_rpc.inference.v1 import inference_pb2 as pb

REQUESTS = 200
TOKENS = 32
TEMPERATURE = 1.0

Ask = Callable[[int], Awaitable[tuple[int, str]]]


@dataclass(frozen=True)
class Sameness:
    """Of so many answers, how many were the same a second time, alone and beside others."""

    asked: int
    alone: int
    under_load: int


async def answers(ask: Ask, requests: int, at_once: int) -> dict[int, str]:
    """Return the answer to each number, asked so many at once."""
    brought, _ = await drive(ask, requests, at_once)
    return dict(brought)


async def sameness(ask: Ask, requests: int) -> Sameness:
    """Ask everything three times: one at a time, again so, and `CROWD` at once."""
    first = await answers(ask, requests, 1)
    again, crowded = await answers(ask, requests, 1), await answers(ask, requests, CROWD)
    return Sameness(requests, _same(first, again), _same(first, crowded))


def _same(one: Mapping[int, str], other: Mapping[int, str]) -> int:
    return sum(other[number] == answer for number, answer in one.items())


def asking(side: Grpc, questions: Questions, retrieval: bool) -> Ask:
    """Return what asks question after question, each with its number for a seed."""

    async def ask(number: int) -> tuple[int, str]:
        asked = questions.request("Seed", number, retrieval, TOKENS)
        request = request_of(asked)
        request.sampling.MergeFrom(pb.Sampling(temperature=TEMPERATURE, seed=number))
        return number, (await side.ask(request)).finished.answer

    return ask


async def measure(stack: Stack, requests: int) -> dict[str, Sameness]:
    """Return the figures with retrieval and without it."""
    prompts = await furnish(stack)
    async with aio.insecure_channel(f"127.0.0.1:{stack.rpc_port('inference')}") as channel:
        side = Grpc(channel, KEYS["inference"])
        questions = Questions({}, prompts, await survey(side, TOKENS))
        return {
            route_of(retrieval): await sameness(asking(side, questions, retrieval), requests)
            for retrieval in (True, False)
        }


def main() -> None:
    """Measure, then print both kinds and one line of JSON, which is kept too."""
    name, requests = os.environ.get("MODEL") or DEFAULT_MODEL, counted("REQUESTS", REQUESTS)
    try:
        with running(MODEL=name) as stack:
            measured = asyncio.run(measure(stack, requests))
    except (BenchError, StackError, GyreError, aio.AioRpcError) as error:
        raise SystemExit(f"bench-seeds: {error}") from error
    rows = [
        f"{kind:10} the same again: {same.alone} of {same.asked} alone, "
        f"{same.under_load} with {CROWD} at once"
        for kind, same in measured.items()
    ]
    figures = {"model": name, "temperature": TEMPERATURE, "tokens": TOKENS}
    figures |= {kind: vars(same) for kind, same in measured.items()}
    kept = Path(sys.argv[1]) / "bench-seeds.json"
    concluded(rows, figures, kept, Stack.from_environment().repo)


if __name__ == "__main__":
    main()
