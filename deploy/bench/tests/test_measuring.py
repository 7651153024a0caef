import asyncio
from collections.abc import Mapping

import pytest

from gyre_bench.errors import BenchError
from gyre_bench.figures import Sample
from gyre_bench.measuring import drive, measure
from gyre_bench.plan import Cell, Size
from gyre_bench.processes import Processes
from gyre_bench.questions import PLAIN, Asked, Question, Questions

CELL = Cell("reference", "gateway", 3, False)
QUESTIONS = Questions({}, {PLAIN: ""}, {PLAIN: (Question("One?"), Question("Two?"))})


class Still(Processes):
    """Processes that do nothing."""

    def __init__(self) -> None:
        super().__init__({})

    def shares(self, before: Mapping[str, float], elapsed_s: float) -> dict[str, float]:
        return {"gateway": 0.5}

    async def quiet(self) -> None:
        """They always are."""


class Side:
    """Answers with so many tokens, and remembers what it was asked."""

    def __init__(self, tokens: int = 4) -> None:
        self.tokens = tokens
        self.asked: list[Asked] = []

    async def streamed(self, asked: Asked) -> Sample:
        self.asked.append(asked)
        return Sample(0.02, 10, self.tokens, first_s=0.01)

    async def whole(self, asked: Asked) -> Sample:
        self.asked.append(asked)
        return Sample(0.02, 10, self.tokens, engine_s=0.015)


async def test_so_many_are_asked_at_once_and_never_more() -> None:
    open_now, most, seen = 0, 0, []

    async def ask(number: int) -> Sample:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        seen.append(number)
        open_now -= 1
        return Sample(1.0, 1, 1)

    samples, _ = await drive(ask, requests=10, at_once=3)

    assert (most, sorted(seen), len(samples)) == (3, list(range(10)), 10)


async def test_a_request_that_fails_ends_it_with_its_own_error() -> None:
    async def ask(number: int) -> Sample:
        raise BenchError(f"request {number}")

    with pytest.raises(BenchError, match="request 0"):
        await drive(ask, requests=10, at_once=3)


async def test_a_cell_is_warmed_up_streamed_and_asked_whole() -> None:
    side = Side()

    figures = await measure(CELL, Size(5, 64, 7, 8), side, QUESTIONS, Still())

    assert (figures["streamed"], figures["whole"]) == (5, 7)
    assert (figures["prompt_tokens"], figures["completion_tokens"]) == (50, 20)
    assert figures["added_ms"]["p50"] == pytest.approx(5.0)
    assert figures["cores"] == {"gateway": 0.5}
    marks = [asked.mark for asked in side.asked]
    assert len(set(marks)) == len(marks) == 3 + 5 + 7
    assert {asked.max_tokens for asked in side.asked[3:8]} == {64}


async def test_the_marks_do_not_name_the_side() -> None:
    gateway, bare = Side(), Side()

    await measure(CELL, Size(5, 64, 7, 8), gateway, QUESTIONS, Still())
    await measure(Cell("reference", "bare", 3, False), Size(5, 64, 7, 8), bare, QUESTIONS, Still())

    assert gateway.asked == bare.asked


async def test_a_second_round_measures_throughput_alone() -> None:
    figures = await measure(CELL, Size(5, 64, 0, 8), Side(), QUESTIONS, Still())

    assert "added_ms" not in figures


async def test_an_answer_without_the_engine_is_no_measurement() -> None:
    with pytest.raises(BenchError, match="without the engine"):
        await measure(CELL, Size(5, 64, 7, 8), Side(tokens=0), QUESTIONS, Still())
