"""`python -m gyre_bench.bare`: measures cells of the bare engine, in a process of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path

from gyre_bench.engine import Bare, BareSide, started
from gyre_bench.errors import BenchError
from gyre_bench.measuring import measure
from gyre_bench.plan import Cell, Size
from gyre_bench.processes import Processes
from gyre_bench.questions import SURVEY, Asked, Questions
from gyre_bench.results import Results
from gyre_bench.telling import told
from gyre_inference.settings import Settings

Wanted = list[tuple[Cell, Size]]


def main() -> None:
    """Read the files and the cells that are wanted; the environment is that of `inference`."""
    results, questions, wanted = sys.argv[1:]
    settings = Settings()
    known = Questions.load(Path(questions))
    cells = [(Cell(**cell), Size(**size)) for cell, size in json.loads(wanted)]
    launched = started(settings)
    try:
        side = BareSide(Bare(launched), known, settings.max_prompt_tokens)
        check(side, known, cells)
        asyncio.run(_measure(side, known, cells, Results(Path(results), known.made_by)))
    except BenchError as error:
        raise SystemExit(f"bare: {error}") from error
    finally:
        launched.llm.shutdown()


async def _measure(side: BareSide, questions: Questions, cells: Wanted, results: Results) -> None:
    processes = Processes({"bare": os.getpid()})
    for cell, size in cells:
        figures = await measure(cell, size, side, questions, processes)
        results.add(cell, size, figures)
        told(cell, figures)


def check(side: BareSide, questions: Questions, cells: Wanted) -> None:
    """See that the prompts here are as long as those that the stack gave to its engine.

    Raises:
        BenchError: One is not: the bare engine would have other work.
    """
    for retrieval in sorted({cell.retrieval for cell, _ in cells}):
        max_tokens = max(size.streamed_tokens for _, size in cells)
        for question in questions.of(retrieval):
            size = len(side.prompt(Asked(question, SURVEY, retrieval, max_tokens)))
            if size != question.prompt_tokens:
                raise BenchError(
                    f"{question.text!r} has a prompt of {size} tokens here, and of "
                    f"{question.prompt_tokens} in inference"
                )


if __name__ == "__main__":
    main()
