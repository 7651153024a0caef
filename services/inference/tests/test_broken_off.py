"""What an answer took is known and published however it ends, and once."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import grpc
import pytest
from grpc import aio
from sqlmodel import select

from gyre_events import AnswerGenerated
from gyre_inference.generation import Piece
from gyre_inference.metering import Meter
from gyre_inference.repeats import Answers
from gyre_inference.settings import Settings
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Overloaded, Rejected, ServiceError, Unavailable
from gyre_service.kafka.outbox import Outbox

from .conftest import FakeEngine, FakeSearch, FakeTable, rollout
from .test_servicer import ACME, asking, complete, published, refusal

ONCE = (*ACME, ("gyre-request-id", "r-1"))


async def until_published(sessions: Sessions, count: int = 1) -> list[AnswerGenerated]:
    async with asyncio.timeout(5):
        while True:
            if len(events := await published(sessions)) >= count:
                return events


async def cancel_after(stub: Any, parts: int, metadata: Any = ACME) -> pb.Started:
    stream = stub.Generate(asking(person="p-1"), metadata=metadata)
    read = [await stream.read() for _ in range(parts)]
    stream.cancel()
    started: pb.Started = read[0].started
    return started


async def test_a_cancelled_answer_is_counted_as_far_as_it_was_made(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.go_on.clear()

    started = await cancel_after(stub, 2)

    (event,) = await until_published(sessions)
    assert (event.broken_off, event.finish_reason, event.refused) == (True, "cancelled", False)
    assert (str(event.answer_id), event.answer, event.person) == (started.answer_id, "Blue", "p-1")
    assert (event.prompt_tokens, event.cached_tokens, event.completion_tokens) == (14, 3, 1)
    assert event.cost == Decimal("0.00000153")
    assert event.passages[0].text == "The sky is blue."
    assert event.time_to_first_token_s is not None
    assert event.engine_s is not None
    assert event.time_to_first_token_s <= event.latency_s
    assert event.time_per_output_token_s is None


async def test_each_attempt_is_an_event_of_its_own_and_the_answer_keeps_its_id(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.go_on.clear()
    for number in (1, 2):
        await cancel_after(stub, 2, ONCE)
        await until_published(sessions, number)
    engine.go_on.set()

    whole = await complete(stub, asking(person="p-1"), ONCE)

    async with snapshot(sessions) as session:
        rows = (await session.exec(select(Outbox).order_by("position"))).all()
    events = [AnswerGenerated.model_validate_json(row.body) for row in rows]
    assert [event.broken_off for event in events] == [True, True, False]
    assert {str(event.answer_id) for event in events} == {whole.started.answer_id}
    assert len({row.id for row in rows}) == 3


async def test_a_question_that_the_engine_never_had_cost_nothing(
    stub: Any, search: FakeSearch, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching = asyncio.Event()

    async def never(*_: Any) -> Any:
        searching.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(search, "search", never)
    stream = stub.Generate(asking(), metadata=ACME)
    await asyncio.wait_for(searching.wait(), 5)

    stream.cancel()
    monkeypatch.undo()
    await complete(stub, asking())

    assert [event.broken_off for event in await published(sessions)] == [False]


async def test_a_cancel_before_the_first_token_counts_the_prompt(
    stub: Any, engine: FakeEngine, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = asyncio.Event()

    async def slow(*_: Any) -> Any:
        working.set()
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr(engine, "generate", slow)
    stream = stub.Generate(asking(), metadata=ACME)
    await asyncio.wait_for(working.wait(), 5)

    stream.cancel()

    (event,) = await until_published(sessions)
    assert (event.prompt_tokens, event.completion_tokens, event.answer) == (14, 0, "")
    assert event.time_to_first_token_s is None
    assert event.cost == Decimal("0.0000014")


async def test_the_callers_deadline_is_a_cancel(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.go_on.clear()

    with pytest.raises(aio.AioRpcError):
        await stub.Complete(pb.CompleteRequest(request=asking()), metadata=ACME, timeout=0.5)

    (event,) = await until_published(sessions)
    assert (event.finish_reason, event.completion_tokens) == ("cancelled", 1)


async def test_an_answer_that_fails_in_the_middle_is_counted(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.fails = Unavailable("the engine has died")

    error = await refusal(stub, asking())

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    (event,) = await published(sessions)
    assert (event.broken_off, event.finish_reason) == (True, "failed")
    assert (event.answer, event.completion_tokens) == ("Blue", 1)


@pytest.mark.parametrize(
    "refuses_with",
    [Rejected("the engine refuses this: too long"), Overloaded("the endpoint has too much to do")],
)
async def test_what_the_engine_refuses_cost_nothing(
    stub: Any,
    engine: FakeEngine,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    refuses_with: ServiceError,
) -> None:
    async def refuses(*_: Any) -> Any:
        raise refuses_with
        yield

    monkeypatch.setattr(engine, "generate", refuses)

    error = await refusal(stub, asking())

    assert error.code() is grpc.StatusCode[refuses_with.code]
    assert await published(sessions) == []


async def test_a_cancel_while_an_answer_is_written_comes_too_late(
    stub: Any, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = asyncio.Event(), asyncio.Event()
    finish = Answers._finish

    async def slow(self: Answers, *args: Any, **more: Any) -> None:
        writing.set()
        await go_on.wait()
        await finish(self, *args, **more)

    monkeypatch.setattr(Answers, "_finish", slow)
    stream = stub.Generate(asking(person="p-1"), metadata=ONCE)
    reading = asyncio.create_task(stream.read())
    await asyncio.wait_for(writing.wait(), 5)

    stream.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await asyncio.sleep(0.1)
    go_on.set()

    (event,) = await until_published(sessions)
    assert not event.broken_off
    again = await complete(stub, asking(person="p-1"), ONCE)
    assert again.started.answer_id == str(event.answer_id)
    assert len(await published(sessions)) == 1


async def test_an_answer_that_could_not_be_written_is_no_second_event(
    stub: Any, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("the database is away")

    monkeypatch.setattr(Answers, "_finish", away)

    error = await refusal(stub, asking(), ONCE)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    (event,) = await published(sessions)
    assert (event.finish_reason, event.completion_tokens) == ("failed", 2)


async def test_a_repeated_request_costs_nothing_more(stub: Any, sessions: Sessions) -> None:
    first = await complete(stub, asking(), ONCE)

    again = await complete(stub, asking(), ONCE)

    assert again.finished.cost == first.finished.cost
    assert len(await published(sessions)) == 1


async def test_a_route_may_have_a_price_of_its_own(
    stub: Any, rollouts: FakeTable, sessions: Sessions
) -> None:
    served = rollout()
    policy = served.policy.model_copy(update={"cost_usd_per_1k_tokens": 0.1})
    rollouts.put("default", served.model_copy(update={"policy": policy}))

    await complete(stub, asking())

    (event,) = await published(sessions)
    assert (event.cost, event.price_version) == (Decimal("0.0016"), "policy")


def test_a_meter_says_how_fast_tokens_came() -> None:
    meter = Meter()
    assert (meter.first_s, meter.time_per_output_token_s) == (None, None)

    with meter.engine(5):
        meter.take(Piece("a", 3, cached_tokens=7))
        assert meter.time_per_output_token_s is None
        meter.take(Piece("b", 2))

    assert (meter.prompt_tokens, meter.completion_tokens) == (5, 5)
    assert meter.cached_tokens == 5  # never more than there are
    assert meter.time_per_output_token_s is not None
    assert 0 <= meter.time_per_output_token_s < meter.latency_s


def test_settings_take_the_shipped_table(make_settings: Callable[..., Settings]) -> None:
    assert make_settings().price_table.name == "prices.toml"


def test_a_meter_takes_what_only_the_engine_could_count() -> None:
    meter = Meter()

    with meter.engine(50):
        meter.take(Piece("a", 0))
        assert (meter.prompt_tokens, meter.time_per_output_token_s) == (50, None)
        meter.take(Piece("", 3, cached_tokens=7, finish_reason="stop", prompt_tokens=11))

    assert meter.used.prompt_tokens == 11
    assert (meter.cached_tokens, meter.completion_tokens) == (7, 3)
    assert meter.time_per_output_token_s is not None
