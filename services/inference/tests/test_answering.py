import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gyre_events import Passage, Purpose
from gyre_inference.alternatives import Delta
from gyre_inference.answering import Answerer, Finished, Mode, Question, Started
from gyre_inference.generation import Sampling, Turn
from gyre_inference.messages import event_of, finished_message
from gyre_inference.settings import Settings
from gyre_service.errors import Unavailable
from gyre_service.ids import new_id

from .conftest import PRICES, FakeEngine, FakeSearch, passage, rollout


def question(text: str = "What colour is the sky?", **changes: Any) -> Question:
    served = rollout()
    fields: dict[str, Any] = {
        "answer_id": new_id(),
        "conversation_id": new_id(),
        "tenant": "acme",
        "purpose": Purpose.LIVE,
        "person": None,
        "rollout": served,
        "arm": served.arms[0],
        "adapter": None,
        "turns": (Turn("user", text),),
        "sampling": Sampling(max_tokens=20),
    }
    return Question(**fields | changes)


async def answered(
    engine: FakeEngine, search: FakeSearch, settings: Settings, asked: Question
) -> tuple[tuple[Passage, ...], str, Finished]:
    parts = [part async for part in Answerer(engine, search, settings, PRICES).answer(asked)]
    assert isinstance(parts[0], Started)
    assert isinstance(parts[-1], Finished)
    return parts[0].passages, "".join(p.text for p in parts if isinstance(p, Delta)), parts[-1]


async def test_without_evidence_it_declines_without_the_engine(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    search.finds = (passage("Tea is hot.", score=0.1),)

    passages, shown, finished = await answered(engine, search, settings, question())

    assert engine.calls == []
    assert (passages, shown) == ((), "I don't know.")
    assert finished.refused
    assert (finished.prompt_tokens, finished.completion_tokens, finished.engine_s) == (0, 0, 0)
    assert (finished.cost.amount, finished.cost.prices) == (Decimal(0), "v1")
    assert finished.time_to_first_token_s


async def test_what_people_ask_is_counted_apart_from_what_we_ask_ourselves(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    def counted() -> dict[str, list[float]]:
        counts = {
            "gyre_answers_total": {"refused": "false"},
            "gyre_tokens_total": {"type": "output"},
            "gyre_time_to_first_token_seconds_count": {},
        }
        return {
            purpose: [
                REGISTRY.get_sample_value(name, {**labels, "purpose": purpose}) or 0
                for name, labels in counts.items()
            ]
            for purpose in ("live", "shadow")
        }

    before = counted()
    await answered(engine, search, settings, question(purpose=Purpose.SHADOW))

    after = counted()
    assert after["live"] == before["live"]
    assert all(new > old for new, old in zip(after["shadow"], before["shadow"], strict=True))


async def test_while_retrieval_is_away_it_declines_and_says_why(
    engine: FakeEngine, search: FakeSearch, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[str] = []

    @contextmanager
    def retrieval(collection: str) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:  # so that the span has an error, too
            traced.append(str(error))
            raise

    _, _, usual = await answered(engine, search, settings, question())
    monkeypatch.setattr("gyre_inference.signals.retrieval", retrieval)
    search.fails = Unavailable("retrieval: away")

    _, shown, finished = await answered(engine, search, settings, question())

    assert traced == ["retrieval: away"]
    assert shown == finished.answer == "I don't know."
    assert (usual.no_context, finished.no_context) == (False, True)
    message, event = finished_message(finished), event_of(question(), (), finished)
    assert message.no_context
    assert event.no_context


async def test_a_citation_of_nothing_is_dropped(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    engine.says = "Blue [1][4]"

    _, _, finished = await answered(engine, search, settings, question())

    assert finished.cited == (1,)


async def test_an_engine_that_says_nothing_declines(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    engine.says = " "

    _, shown, finished = await answered(engine, search, settings, question())

    assert shown == "I don't know."
    assert finished.refused


async def test_the_model_alone_is_asked_and_the_question_still_observed(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    passages, shown, _ = await answered(engine, search, settings, question(mode=Mode.OFF))

    assert (passages, shown) == ((), "Blue [1]")
    assert search.searched == []
    await asyncio.wait_for(search.seen.wait(), 5)  # off the answer's path
    assert [asked.tenant for asked in search.observed] == ["acme"]


async def test_given_evidence_is_all_there_is_whatever_its_score(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    given = (passage("The sky is green.", score=0),)
    suite = question(mode=Mode.GIVEN, evidence=given, purpose=Purpose.SUITE)

    passages, _, _ = await answered(engine, search, settings, suite)

    assert passages == given
    assert search.searched == []
    assert search.observed == []


async def test_a_prompt_never_exceeds_what_the_model_takes(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    search.finds = tuple(passage(f"{n} " * 100, score=0.9 - n / 100) for n in range(4))

    passages, _, _ = await answered(engine, search, settings, question())

    (call,) = engine.calls
    assert len(call["prompt"]) + call["sampling"].max_tokens <= engine.max_model_len
    assert len(passages) == 1


async def test_an_answer_that_is_cut_off_says_so(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    engine.finish_reason = "length"

    _, _, finished = await answered(engine, search, settings, question())

    assert finished.finish_reason == "length"
