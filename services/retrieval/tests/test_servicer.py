from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import numpy as np
import pytest
from grpc import aio
from sqlmodel import select

from gyre_events import Purpose
from gyre_retrieval.opening import Opening
from gyre_retrieval.servicer import Servicer
from gyre_rpc.retrieval.v1 import retrieval_pb2 as pb
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import (
    RetrievalServiceStub,
    add_RetrievalServiceServicer_to_server,
)
from gyre_service.database import snapshot
from gyre_service.kafka.outbox import Outbox
from gyre_service.kafka.spool import Spool
from gyre_service.rpc import ErrorStatus, calling_for

from .conftest import DIGEST, DIMENSION, Bench, chunk

if TYPE_CHECKING:
    from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceAsyncStub

ACME = calling_for("acme")
ANSWER = str(uuid4())
OBSERVED = pb.Observation(answer_id=ANSWER, route="default", person="p-1", question="Part0 now?")


@pytest.fixture
async def opening(bench: Bench) -> Opening:
    opening = Opening(bench.sessions, bench.index, bench.encoder, bench.indexing)
    opening.start()
    await opening.wait()
    return opening


@pytest.fixture
def spool(bench: Bench) -> Spool:
    return Spool(bench.sessions, most=2)


@pytest.fixture
async def stub(
    bench: Bench, opening: Opening, spool: Spool
) -> AsyncIterator[RetrievalServiceAsyncStub]:
    await bench.submit(count=6)
    server = aio.server(interceptors=[ErrorStatus()])
    servicer = Servicer(
        bench.sessions, bench.encoder, bench.searcher, opening, spool, default_limit=4
    )
    add_RetrievalServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield RetrievalServiceStub(channel)
    await server.stop(grace=None)


async def events(bench: Bench) -> list[tuple[dict[str, Any], Outbox]]:
    async with snapshot(bench.sessions) as session:
        rows = (await session.exec(select(Outbox))).all()
    return [(json.loads(row.body), row) for row in rows]


async def test_search_returns_passages_best_first(
    bench: Bench, stub: RetrievalServiceAsyncStub
) -> None:
    await bench.take(chunk(document_id=uuid4(), text="another thing", page=3, name="x.pdf"))

    found = (await stub.Search(pb.SearchRequest(text="another thing"), metadata=ACME)).passages

    assert len(found) == 4
    assert (found[0].document, found[0].page, found[0].version) == ("x.pdf", 3, 1)
    assert found[0].score == pytest.approx(1, abs=1e-3)
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert found[1].page == 0
    assert await events(bench) == []


async def test_search_is_for_one_tenant_and_collection(stub: RetrievalServiceAsyncStub) -> None:
    request = pb.SearchRequest(text="part0", limit=100)
    other = pb.SearchRequest(text="part0", collection="other")

    assert len((await stub.Search(request, metadata=ACME)).passages) == 6
    assert not (await stub.Search(request, metadata=calling_for("umbrella"))).passages
    assert not (await stub.Search(other, metadata=ACME)).passages


async def test_a_question_is_observed_once_an_answer(
    bench: Bench, stub: RetrievalServiceAsyncStub
) -> None:
    request = pb.SearchRequest(text="part0 of v1", limit=1, observation=OBSERVED)
    metadata = calling_for("acme", Purpose.SUITE)

    response = await stub.Search(request, metadata=metadata)
    await stub.Search(request, metadata=metadata)

    assert len(response.passages) == 1
    (event, row), (_, again) = await events(bench)
    assert row.id == again.id  # so the second is the same event to everybody
    assert row.key == b"acme/default"
    assert event["answer_id"] == ANSWER
    assert (event["text"], event["purpose"], event["person"]) == ("Part0 now?", "suite", "p-1")
    assert event["top_score"] == pytest.approx(1, abs=1e-3)
    assert 0 < event["margin"] < 1
    assert event["hits"] >= 2
    vector = np.frombuffer(base64.b64decode(event["vector"]), dtype="<f4")
    asked = await bench.encoder.encode(["Part0 now?"], urgent=True)
    assert vector == pytest.approx(asked[0])
    assert event["encoder"] == {"name": "counting", "digest": DIGEST, "dimension": DIMENSION}


async def test_a_search_without_hits_is_observed(
    bench: Bench, stub: RetrievalServiceAsyncStub
) -> None:
    request = pb.SearchRequest(text="x", observation=OBSERVED)

    await stub.Search(request, metadata=calling_for("umbrella"))

    [(event, _)] = await events(bench)
    assert (event["top_score"], event["margin"], event["hits"]) == (None, None, 0)
    assert event["searched"] is True


async def test_embed(bench: Bench, stub: RetrievalServiceAsyncStub) -> None:
    response = await stub.Embed(pb.EmbedRequest(texts=["one two", "three"]), metadata=ACME)

    vectors = np.frombuffer(response.vectors, dtype="<f4").reshape(2, response.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
    assert (response.encoder, response.encoder_digest) == ("counting", DIGEST)
    assert list(response.tokens) == [4, 3]
    assert await events(bench) == []


async def test_a_question_without_search_is_observed(
    bench: Bench, stub: RetrievalServiceAsyncStub
) -> None:
    response = await stub.Embed(pb.EmbedRequest(observation=OBSERVED), metadata=ACME)

    assert len(response.tokens) == 1
    [(event, _)] = await events(bench)
    assert (event["text"], event["top_score"], event["hits"]) == ("Part0 now?", None, 0)
    assert event["searched"] is False


async def test_only_a_question_of_now_goes_before_documents(
    bench: Bench, stub: RetrievalServiceAsyncStub
) -> None:
    suite = calling_for("acme", Purpose.SUITE)
    await stub.Embed(pb.EmbedRequest(texts=["one", "two"]), metadata=ACME)
    await stub.Embed(pb.EmbedRequest(observation=OBSERVED), metadata=suite)
    assert bench.encoder.urgent == []

    await stub.Embed(pb.EmbedRequest(observation=OBSERVED), metadata=ACME)
    await stub.Search(pb.SearchRequest(text="three"), metadata=suite)

    assert bench.encoder.urgent == [["Part0 now?"], ["Part0 now?"], ["three"]]


PAST = [
    pb.Observation(answer_id=str(uuid4()), route="default", question=f"Was it {n}?")
    for n in range(3)
]


async def test_past_questions_are_observed_together(
    bench: Bench, stub: RetrievalServiceAsyncStub
) -> None:
    baseline = calling_for("acme", Purpose.BASELINE)
    request = pb.EmbedRequest(observations=PAST)

    response = await stub.Embed(request, metadata=baseline)
    await stub.Embed(request, metadata=baseline)

    vectors = np.frombuffer(response.vectors, dtype="<f4").reshape(3, response.dimension)
    seen = await events(bench)
    assert len({row.id for _, row in seen}) == 3
    for (event, _), past, vector in zip(seen[:3], PAST, vectors, strict=True):
        assert (event["answer_id"], event["text"]) == (past.answer_id, past.question)
        assert (event["purpose"], event["hits"], event["top_score"]) == ("baseline", 0, None)
        stored = np.frombuffer(base64.b64decode(event["vector"]), dtype="<f4")
        assert stored == pytest.approx(vector)


@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.BASELINE])
async def test_only_a_baseline_may_have_many(
    bench: Bench, stub: RetrievalServiceAsyncStub, purpose: Purpose
) -> None:
    with pytest.raises(aio.AioRpcError, match="only baseline may have many"):
        await stub.Embed(pb.EmbedRequest(observations=PAST), metadata=calling_for("acme", purpose))
    assert await events(bench) == []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.EmbedRequest(texts=["x"], observations=PAST), "texts must be empty"),
        (pb.EmbedRequest(observation=OBSERVED, observations=PAST), "observation must be absent"),
        (
            pb.EmbedRequest(observations=[*PAST, pb.Observation(answer_id="1")]),
            r"observations\[3\].answer_id is '1', expected a UUID",
        ),
        (pb.EmbedRequest(observations=PAST * 86), "258 entries, 1 to 256"),
    ],
    ids=str,
)
async def test_one_wrong_past_question_observes_none(
    bench: Bench, stub: RetrievalServiceAsyncStub, request_: pb.EmbedRequest, reason: str
) -> None:
    with pytest.raises(aio.AioRpcError, match=reason):
        await stub.Embed(request_, metadata=calling_for("acme", Purpose.BASELINE))
    assert await events(bench) == []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.SearchRequest(text=" "), "text is empty"),
        (pb.SearchRequest(text="x" * 32_001), "32001 characters, at most 32000"),
        (pb.SearchRequest(text="x", limit=101), "limit is 101, at most 100"),
        (
            pb.SearchRequest(text="x", observation=pb.Observation(answer_id="1", route="r")),
            "expected a UUID",
        ),
        (
            pb.SearchRequest(text="x", observation=pb.Observation(answer_id=ANSWER)),
            "route is empty",
        ),
        (pb.EmbedRequest(), "0 entries, 1 to 256"),
        (pb.EmbedRequest(texts=["x"] * 257), "257 entries"),
        (pb.EmbedRequest(texts=["x", ""]), r"texts\[1\] is empty"),
        (pb.EmbedRequest(texts=["x"], observation=OBSERVED), "must be empty"),
        (
            pb.EmbedRequest(observation=pb.Observation(answer_id=ANSWER, route="r")),
            "question is empty",
        ),
    ],
    ids=str,
)
async def test_wrong_requests_are_invalid_arguments(
    bench: Bench, stub: RetrievalServiceAsyncStub, request_: Any, reason: str
) -> None:
    call: Any = stub.Search if isinstance(request_, pb.SearchRequest) else stub.Embed

    with pytest.raises(aio.AioRpcError, match=reason) as caught:
        await call(request_, metadata=ACME)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await events(bench) == []


async def test_a_call_without_a_tenant_is_refused(stub: RetrievalServiceAsyncStub) -> None:
    with pytest.raises(aio.AioRpcError, match="must name one tenant"):
        await stub.Search(pb.SearchRequest(text="x"))


async def test_before_it_is_open_it_is_unavailable(
    stub: RetrievalServiceAsyncStub, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def loading() -> str:
        return "loading the encoder"

    monkeypatch.setattr(opening, "check", loading)

    with pytest.raises(aio.AioRpcError, match="loading the encoder") as caught:
        await stub.Search(pb.SearchRequest(text="x"), metadata=ACME)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_full_spool_refuses_what_would_be_observed(
    stub: RetrievalServiceAsyncStub, spool: Spool
) -> None:
    questions = [
        pb.Observation(answer_id=str(uuid4()), route="default", question="Part0 now?")
        for _ in range(2)
    ]
    for number, question in enumerate(questions):
        assert await spool.look() == "", number
        await stub.Search(pb.SearchRequest(text="part0", observation=question), metadata=ACME)

    assert await spool.look() == "2 events wait for Kafka, at most 2"
    for call in (
        stub.Search(pb.SearchRequest(text="part0", observation=OBSERVED), metadata=ACME),
        stub.Embed(pb.EmbedRequest(observation=OBSERVED), metadata=ACME),
    ):
        with pytest.raises(aio.AioRpcError, match="2 events wait for Kafka") as refused:
            await call
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    await stub.Search(pb.SearchRequest(text="part0"), metadata=ACME)
    await stub.Embed(pb.EmbedRequest(texts=["part0"]), metadata=ACME)
