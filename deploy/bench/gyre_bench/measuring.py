"""Asks so many at once, and measures a cell."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeVar

from gyre_bench.errors import BenchError
from gyre_bench.figures import Sample, of_streamed, of_whole
from gyre_bench.plan import Cell, Size
from gyre_bench.processes import Processes
from gyre_bench.questions import Questions
from gyre_bench.sides import Sided

Said = TypeVar("Said")
Ask = Callable[[int], Awaitable[Sample]]


async def drive(
    ask: Callable[[int], Awaitable[Said]], requests: int, at_once: int
) -> tuple[list[Said], float]:
    """Ask `requests` times: each of `at_once` clients again as soon as it has its answer.

    Returns:
        What each request brought, as they ended, and the seconds that all took together.

    Raises:
        Exception: What the first request that failed raised; the others are given up.
    """
    numbers, brought = iter(range(requests)), list[Said]()

    async def client() -> None:
        for number in numbers:
            brought.append(await ask(number))

    begin = perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(client())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return brought, perf_counter() - begin


async def measure(
    cell: Cell, size: Size, side: Sided, questions: Questions, processes: Processes
) -> dict[str, Any]:
    """Return the figures of a cell.

    Raises:
        BenchError: Something was answered without the engine, or could not be asked.
    """
    where = f"{'documents' if cell.retrieval else 'plain'} {cell.at_once:02d}-{cell.round}"

    def asking(mark: str, max_tokens: int, *, stream: bool) -> Ask:
        async def ask(number: int) -> Sample:
            asked = questions.request(f"{mark} {where}", number, cell.retrieval, max_tokens)
            sample = await (side.streamed(asked) if stream else side.whole(asked))
            if not sample.completion_tokens:
                raise BenchError(f"{asked.question.text!r} was answered without the engine")
            return sample

        return ask

    # Connections, code that runs for the first time: whoever serves has answered before.
    await drive(asking("Before", size.whole_tokens, stream=True), cell.at_once, cell.at_once)
    await processes.quiet()
    before = processes.used()
    streamed, elapsed_s = await drive(
        asking("Streamed", size.streamed_tokens, stream=True), size.streamed, cell.at_once
    )
    figures = of_streamed(streamed, elapsed_s) | {"cores": processes.shares(before, elapsed_s)}
    if size.whole:
        await processes.quiet()
        whole, _ = await drive(
            asking("Whole", size.whole_tokens, stream=False), size.whole, cell.at_once
        )
        figures |= of_whole(whole)
    return figures
