"""Runs a suite: asks, judges, and gives results in the order in which they end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gyre_evaluation.matching import is_right, quotes_whole
from gyre_evaluation.report import Result
from gyre_evaluation.scoring import citations, overlap
from gyre_evaluation.suites import Item
from gyre_service.errors import (
    Conflict,
    Forbidden,
    NotFound,
    ServiceError,
    Unauthenticated,
    Unavailable,
)

# What would fail every item, and says nothing about the model: it ends the run.
# A conflict too: an attempt of a dead process still has the question, and the next one may not.
FATAL = (Unavailable, Conflict, Unauthenticated, Forbidden, NotFound)


class NoAnswer(Unavailable):
    """A question had none this time: in time, or at all, for reasons that nobody planned."""


@dataclass(frozen=True)
class Answer:
    """What a route said.

    Attributes:
        text: With its markers.
        passages: What the model saw, in the order of their numbers.
        refused: Whether it declined.
        latency_s: Seconds from asking to the whole answer.
        answer_id: UUID.
        route: That answered.
        model: That answered.
        prompt: Digest of the system prompt it was asked with; empty if that was not told.
    """

    text: str
    passages: tuple[str, ...]
    refused: bool
    latency_s: float
    answer_id: str
    route: str
    model: str
    prompt: str = ""


@dataclass(frozen=True)
class Outcome:
    """An item with its answer, or with the reason why it has none.

    Attributes:
        unheard: Another time there may be one: it says nothing of who was asked.
    """

    item: Item
    result: Result
    answer: Answer | None = None
    error: str = ""
    unheard: bool = False


Ask: TypeAlias = Callable[[Item], Awaitable[Answer]]


def judged(item: Item, answer: Answer) -> Result:
    """Judge an answer by what its item expects."""
    scores: dict[str, float] = {}
    if not answer.refused:
        validity = citations.validity(answer.text, len(answer.passages))
        scores["citation_valid"] = float(validity == 1)
        cited = citations.cited_passages(answer.text, answer.passages)
        if (grounded := overlap.groundedness(answer.text, cited)) is not None:
            scores["groundedness"] = grounded
    right = is_right(answer.text, item.expected, item.match)
    if item.match == "contained":  # a refusal may contain anything; whole, it may be what is wanted
        quoted = quotes_whole(answer.text, answer.passages, item.expected)
        right = right and not answer.refused and not quoted
    return Result(
        answerable=not item.refusal,
        passed=answer.refused if item.refusal else right,
        refused=answer.refused,
        scores=scores,
        latency_s=answer.latency_s,
    )


async def run(items: Sequence[Item], ask: Ask, in_flight: int) -> AsyncGenerator[Outcome, None]:
    """Ask every item, at most `in_flight` at a time. Whoever stops reading stops the asking.

    Raises:
        Unavailable: The route's model is away.
        Conflict: It is still busy with a lost attempt.
        Rejected: The route does not exist, or may not be asked by us.
    """
    waiting = iter(items)
    asked: set[asyncio.Task[Outcome]] = set()
    try:
        while True:
            while len(asked) < in_flight and (item := next(waiting, None)) is not None:
                asked.add(asyncio.create_task(_outcome(item, ask)))
            if not asked:
                return
            ended, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                asked.discard(task)
                yield task.result()
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _outcome(item: Item, ask: Ask) -> Outcome:
    try:
        answer = await ask(item)
    except ServiceError as error:
        unheard = isinstance(error, NoAnswer)
        if isinstance(error, FATAL) and not unheard:
            raise
        failed = Result(answerable=not item.refusal, passed=False, answered=False)
        return Outcome(item, failed, error=str(error), unheard=unheard)
    return Outcome(item, judged(item, answer), answer)
