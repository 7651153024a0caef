import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import grpc
import pytest
from grpc import aio
from sqlmodel import select

from gyre_events import AnswerGenerated, Purpose
from gyre_inference.settings import Settings
from gyre_inference.store import StoredAnswer
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Unavailable
from gyre_service.kafka.outbox import Outbox

from .conftest import (
    REFUSED,
    TOKEN,
    UNLOADED,
    FakeAdapters,
    FakeEngine,
    FakeSearch,
    FakeTable,
    rollout,
)

ACME = (("authorization", "Bearer acme.1"),)
UMBRELLA = (("authorization", "Bearer umbrella.1"),)
SERVICE = (("authorization", f"Bearer {TOKEN}"),)


def asking(question: str = "What colour is the sky?", **fields: Any) -> pb.GenerateRequest:
    return pb.GenerateRequest(messages=[pb.Message(role="user", content=question)], **fields)


async def published(sessions: Sessions) -> list[AnswerGenerated]:
    async with snapshot(sessions) as session:
        rows = (await session.exec(select(Outbox).order_by("position"))).all()
    return [AnswerGenerated.model_validate_json(row.body) for row in rows]


async def complete(stub: Any, request: pb.GenerateRequest, metadata: Any = ACME) -> Any:
    return await stub.Complete(pb.CompleteRequest(request=request), metadata=metadata, timeout=10)


async def until_free(sessions: Sessions) -> None:
    """Return when a cancelled call has let go of its request id."""
    async with asyncio.timeout(5):
        while True:
            async with snapshot(sessions) as session:
                if (await session.exec(select(StoredAnswer))).first() is None:
                    return


async def rest_of(stream: Any) -> list[pb.GenerateResponse]:
    parts = []
    while (part := await stream.read()) is not aio.EOF:
        parts.append(part)
    return parts


async def refusal(stub: Any, request: pb.GenerateRequest, metadata: Any = ACME) -> Any:
    with pytest.raises(aio.AioRpcError) as caught:
        await complete(stub, request, metadata)
    return caught.value


async def test_an_answer_streams_and_is_published(stub: Any, sessions: Sessions) -> None:
    parts = [part async for part in stub.Generate(asking(person="p-1"), metadata=ACME)]

    kinds = [part.WhichOneof("part") for part in parts]
    assert kinds == ["started", "delta", "delta", "finished"]
    started, finished = parts[0].started, parts[-1].finished
    assert "".join(part.delta for part in parts) == finished.answer == "Blue [1]"
    assert (list(finished.cited), finished.refused) == ([1], False)
    assert started.passages[0].text == "The sky is blue."
    (event,) = await published(sessions)
    assert str(event.answer_id) == started.answer_id
    assert (event.answer, event.cited, event.person) == ("Blue [1]", (1,), "p-1")
    assert event.completion_tokens == finished.usage.completion_tokens > 0
    tokens = (event.prompt_tokens, event.cached_tokens, event.completion_tokens)
    assert tokens == (14, 3, 2)
    # 11 x 0.10 + 3 x 0.01 + 2 x 0.40, by the million
    assert (event.cost, event.currency, event.price_version) == (Decimal("0.00000193"), "USD", "v1")
    cost = finished.cost
    assert (cost.amount, cost.currency, cost.prices) == ("0.00000193", "USD", "v1")
    assert event.cost_usd == 0.00000193
    assert event.engine_s == finished.engine_s > 0
    assert event.time_to_first_token_s == finished.time_to_first_token_s > 0
    assert event.time_per_output_token_s == finished.time_per_output_token_s > 0
    assert not event.broken_off


async def test_complete_is_the_same_in_one_message(stub: Any) -> None:
    response = await complete(stub, asking())

    assert response.finished.answer == "Blue [1]"
    assert response.started.arm == "production"


async def test_each_tenant_searches_and_computes_as_itself(
    stub: Any, engine: FakeEngine, search: FakeSearch
) -> None:
    await complete(stub, asking(), ACME)
    await complete(stub, asking(), UMBRELLA)

    assert [asked.tenant for asked, *_ in search.searched] == ["acme", "umbrella"]
    assert [call["tenant"] for call in engine.calls] == ["acme", "umbrella"]


async def test_a_service_says_for_whom_and_why(stub: Any, sessions: Sessions) -> None:
    metadata = (*SERVICE, ("gyre-tenant", "acme"), ("gyre-purpose", "suite"))

    await complete(stub, asking(), metadata)

    (event,) = await published(sessions)
    assert event.purpose is Purpose.SUITE


async def test_who_is_not_known_is_not_answered(stub: Any) -> None:
    error = await refusal(stub, asking(), ())

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_same_request_id_gives_the_same_answer(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    first = await complete(stub, asking(), metadata)
    engine.says = "Something else"

    again = [part async for part in stub.Generate(asking(), metadata=metadata)]

    assert again[0].started == first.started
    assert again[-1].finished == first.finished
    assert again[1].delta == "Blue [1]"
    assert len(engine.calls) == len(await published(sessions)) == 1


async def test_a_request_id_with_another_body_is_refused(stub: Any) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    await complete(stub, asking(), metadata)

    error = await refusal(stub, asking("Why?"), metadata)

    assert error.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_request_id_belongs_to_its_tenant(stub: Any, engine: FakeEngine) -> None:
    one = await complete(stub, asking(), (*ACME, ("gyre-request-id", "r-1")))
    two = await complete(stub, asking(), (*UMBRELLA, ("gyre-request-id", "r-1")))

    assert one.started.answer_id != two.started.answer_id
    assert len(engine.calls) == 2


async def test_a_request_that_is_being_answered_is_not_answered_twice(
    stub: Any, engine: FakeEngine
) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    engine.go_on.clear()
    stream = stub.Generate(asking(), metadata=metadata)
    await stream.read()

    error = await refusal(stub, asking(), metadata)

    assert error.code() is grpc.StatusCode.ABORTED
    engine.go_on.set()
    assert (await rest_of(stream))[-1].HasField("finished")


async def test_a_cancel_ends_the_engines_work_and_frees_the_request_id(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    engine.go_on.clear()
    stream = stub.Generate(asking(), metadata=metadata)
    await stream.read()
    await stream.read()

    stream.cancel()
    await asyncio.wait_for(engine.closed.wait(), 5)

    engine.go_on.set()
    await until_free(sessions)
    response = await complete(stub, asking(), metadata)
    assert response.finished.answer == "Blue [1]"
    assert [event.broken_off for event in await published(sessions)] == [True, False]


async def test_a_deadline_ends_the_engines_work(stub: Any, engine: FakeEngine) -> None:
    engine.go_on.clear()

    with pytest.raises(aio.AioRpcError) as caught:
        await stub.Complete(pb.CompleteRequest(request=asking()), metadata=ACME, timeout=0.5)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(engine.closed.wait(), 5)


async def test_one_question_too_many_is_told_the_limit(stub: Any, engine: FakeEngine) -> None:
    engine.go_on.clear()
    streams = [stub.Generate(asking(), metadata=ACME) for _ in range(2)]
    for stream in streams:
        await stream.read()

    error = await refusal(stub, asking())

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "at most 2 at once" in str(error.details())
    engine.go_on.set()
    for stream in streams:
        assert (await rest_of(stream))[-1].HasField("finished")
    await complete(stub, asking())


async def test_an_engine_that_dies_midway_ends_the_stream(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.fails = Unavailable("the engine has died")
    stream = stub.Generate(asking(), metadata=ACME)

    with pytest.raises(aio.AioRpcError) as caught:
        _ = [part async for part in stream]

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert [event.finish_reason for event in await published(sessions)] == ["failed"]


async def test_while_the_model_loads_callers_are_told_and_nothing_is_written(
    stub: Any, engine: FakeEngine, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.not_ready = "loading the model"

    async def slow(*_: Any) -> None:
        raise AssertionError("the database has no time")

    monkeypatch.setattr("gyre_inference.store.get_answer", slow)
    error = await refusal(stub, asking(), (*ACME, ("gyre-request-id", "1")))

    assert (error.code(), error.details()) == (
        grpc.StatusCode.UNAVAILABLE,
        "not ready: loading the model",
    )


async def test_only_an_operator_chooses_the_adapter(stub: Any, rollouts: FakeTable) -> None:
    base = rollout()
    arm = base.arms[0].model_copy(update={"adapter_digest": "b" * 64, "adapter_uri": "/adapters/b"})
    rollouts.put("default", base.model_copy(update={"arms": (arm,)}))

    allowed = await complete(stub, asking(adapter="b" * 64), UMBRELLA)
    error = await refusal(stub, asking(adapter="b" * 64), ACME)

    assert (allowed.started.adapter, allowed.started.model) == ("b" * 64, "default--bbbbbbbb")
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_who_chooses_the_adapter_is_no_traffic(
    stub: Any, rollouts: FakeTable, sessions: Sessions
) -> None:
    rollouts.put("default", rollout())

    await complete(stub, asking(adapter="base"), UMBRELLA)

    [event] = await published(sessions)
    assert (event.purpose, event.arm) == (Purpose.PROBE, "base")


async def test_an_arm_without_its_adapter_is_stood_in_for_and_a_choice_is_not(
    stub: Any, rollouts: FakeTable
) -> None:
    base = rollout()
    [production] = base.arms
    changes = {"adapter_digest": UNLOADED, "adapter_uri": "/adapters/c"}
    candidate = production.model_copy(update={"name": "candidate", "share": 10_000, **changes})
    arms = (production.model_copy(update={"share": 0}), candidate)
    rollouts.put("umbrella", base.model_copy(update={"arms": arms}))

    answered = await complete(stub, asking(), UMBRELLA)
    error = await refusal(stub, asking(adapter="candidate"), UMBRELLA)

    assert (answered.started.arm, answered.started.adapter) == (production.name, "")
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_an_answer_holds_its_adapter_from_the_search_on_and_uses_the_local_copy(
    stub: Any,
    rollouts: FakeTable,
    engine: FakeEngine,
    search: FakeSearch,
    adapters: FakeAdapters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = rollout()
    changes = {"adapter_digest": "b" * 64, "adapter_uri": "s3://adapters/b"}
    arm = base.arms[0].model_copy(update=changes)
    rollouts.put("default", base.model_copy(update={"arms": (arm,)}))
    held: list[int] = []
    find = search.search

    async def watched_search(*asked: Any) -> Any:
        held.append(adapters.held["b" * 64])
        return await find(*asked)

    monkeypatch.setattr(search, "search", watched_search)
    await complete(stub, asking())

    [call] = engine.calls
    assert call["adapter"].path == "/here/" + "b" * 64
    assert (held, adapters.held["b" * 64]) == ([1], 0)


async def test_where_productions_adapter_is_refused_the_base_answers_and_says_so(
    stub: Any, rollouts: FakeTable, sessions: Sessions
) -> None:
    base = rollout()
    changes = {"adapter_digest": REFUSED, "adapter_uri": "/adapters/e"}
    production = base.arms[0].model_copy(update=changes)
    rollouts.put("default", base.model_copy(update={"arms": (production,)}))

    answered = await complete(stub, asking())

    started = answered.started
    assert (started.arm, started.adapter, started.model) == ("base", "", "tiny")
    [event] = await published(sessions)
    assert (event.arm, event.adapter_digest, event.purpose) == ("base", None, Purpose.LIVE)


@pytest.mark.parametrize(
    ("request_", "metadata", "code"),
    [
        (asking(route="sales"), (), grpc.StatusCode.NOT_FOUND),
        (asking(" "), (), grpc.StatusCode.INVALID_ARGUMENT),
        (asking(), (("gyre-request-id", "r" * 201),), grpc.StatusCode.INVALID_ARGUMENT),
        (asking(), (("gyre-conversation-id", "mine"),), grpc.StatusCode.INVALID_ARGUMENT),
        (asking(), (("gyre-tenant", "umbrella"),), grpc.StatusCode.PERMISSION_DENIED),
        (asking(adapter="x"), (), grpc.StatusCode.PERMISSION_DENIED),
    ],
)
async def test_wrong_calls(stub: Any, request_: Any, metadata: Any, code: Any) -> None:
    assert (await refusal(stub, request_, (*ACME, *metadata))).code() is code


async def test_a_full_spool_refuses(
    stub: Any,
    sessions: Sessions,
    make_settings: Callable[..., Settings],
) -> None:
    from gyre_inference.repeats import Answers
    from gyre_service.kafka import enqueue

    answers = Answers(sessions, make_settings(max_spooled=1))
    assert await answers.spool_full() == ""
    answers.check_spool()
    await complete(stub, asking())
    (event,) = await published(sessions)
    async with transaction(sessions) as session:
        enqueue(session, event, "acme", "inference", uuid4())

    assert await answers.spool_full() == "2 events wait for Kafka, at most 1"
    with pytest.raises(Unavailable, match="2 events wait for Kafka, at most 1"):
        answers.check_spool()
