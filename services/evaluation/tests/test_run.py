import asyncio

import pytest

from gyre_evaluation.run import Answer, NoAnswer, Outcome, judged, run
from gyre_evaluation.suites import GivenPassage, Item
from gyre_service.errors import (
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    ServiceError,
    Unavailable,
)

PASSAGE = GivenPassage(document="a.md", text="It was built in 1889.")


def item(id: str = "one", *, refusal: bool = False) -> Item:
    expected = () if refusal else ("1889",)
    return Item(id=id, question="When?", passages=(PASSAGE,), expected=expected, refusal=refusal)


def answer(text: str = "In 1889 [1].", *, refused: bool = False) -> Answer:
    return Answer(text, (PASSAGE.text,), refused, 0.5, "id", "default", "tiny")


@pytest.mark.parametrize(
    ("text", "refused", "wants_refusal", "passed"),
    [
        ("In 1889 [1].", False, False, True),
        ("In 1890 [1].", False, False, False),
        ("It was built in 1889 [1].", False, False, False),  # the whole passage
        ("Built in 1889 [1].", False, False, True),
        ("I don't know.", True, False, False),
        ("I don't know, perhaps 1889.", True, False, False),
        ("I don't know.", True, True, True),
        ("In 1889 [1].", False, True, False),
        ("", False, False, False),
    ],
)
def test_an_answer_passes_or_not(
    text: str, refused: bool, wants_refusal: bool, passed: bool
) -> None:
    result = judged(item(refusal=wants_refusal), answer(text, refused=refused))

    assert result.passed is passed
    assert result.refused is refused
    assert result.answerable is not wants_refusal


def test_a_passage_that_is_the_answer_may_be_quoted() -> None:
    asked = item().model_copy(update={"expected": ("It was built in 1889.",)})

    assert judged(asked, answer("It was built in 1889 [1].")).passed


@pytest.mark.parametrize(
    ("text", "valid"),
    [("In 1889 [1].", 1), ("In 1889.", 0), ("In 1889 [2].", 0), ("In 1889 [1][2].", 0)],
)
def test_a_citation_is_valid_if_all_are(text: str, valid: float) -> None:
    assert judged(item(), answer(text)).scores["citation_valid"] == valid


def test_a_refusal_is_neither_grounded_nor_cited() -> None:
    assert judged(item(), answer("I don't know.", refused=True)).scores == {}


async def collected(items: list[Item], ask: object, in_flight: int = 2) -> list[Outcome]:
    return [outcome async for outcome in run(items, ask, in_flight)]  # type: ignore[arg-type]


async def test_results_come_as_they_end() -> None:
    slow = asyncio.Event()

    async def ask(item: Item) -> Answer:
        if item.id == "slow":
            await slow.wait()
        elif item.id == "last":
            slow.set()
        return answer()

    found = await collected([item("slow"), item("fast"), item("last")], ask)

    assert found[0].item.id == "fast"
    assert {outcome.item.id for outcome in found[1:]} == {"slow", "last"}


@pytest.mark.parametrize("error", [Rejected("too long"), ServiceError("inference: UNKNOWN")])
async def test_the_error_of_an_item_is_its_result(error: ServiceError) -> None:
    async def ask(item: Item) -> Answer:
        if item.id == "bad":
            raise error
        return answer()

    found = {outcome.item.id: outcome for outcome in await collected([item("bad"), item()], ask)}

    assert found["bad"].error == str(error)
    assert not found["bad"].result.passed
    assert not found["bad"].result.answered
    assert found["one"].result.passed


async def test_what_may_be_answered_another_time_says_nothing_of_who_was_asked() -> None:
    async def ask(item: Item) -> Answer:
        raise NoAnswer("no answer within 120 s")

    [outcome] = await collected([item()], ask)

    assert outcome.unheard
    assert not outcome.result.answered


@pytest.mark.parametrize(
    "error", [Unavailable("away"), Conflict("busy"), NotFound("no route"), Forbidden("no")]
)
async def test_what_fails_every_item_ends_the_run(error: ServiceError) -> None:
    cancelled = []

    async def ask(item: Item) -> Answer:
        if item.id == "bad":
            raise error
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item.id)
            raise
        return answer()

    with pytest.raises(type(error)):
        await collected([item("good"), item("bad"), item("never")], ask)

    assert cancelled == ["good"]


async def test_a_bug_ends_the_run() -> None:
    async def ask(item: Item) -> Answer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await collected([item("a"), item("b")], ask)


async def test_who_stops_reading_stops_the_asking() -> None:
    cancelled = []

    async def ask(item: Item) -> Answer:
        if item.id == "first":
            return answer()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item.id)
            raise
        return answer()

    running = run([item("first"), item("second"), item("third")], ask, 3)
    assert (await anext(running)).item.id == "first"
    await running.aclose()

    assert sorted(cancelled) == ["second", "third"]
