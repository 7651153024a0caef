import asyncio
from typing import Any

import grpc
import pytest
from grpc import aio

from gyre_evaluation.servicer import Servicer
from gyre_evaluation.settings import Settings
from gyre_evaluation.suites import shipped
from gyre_rpc.evaluation.v1 import evaluation_pb2 as pb
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import (
    EvaluationServiceStub,
    add_EvaluationServiceServicer_to_server,
)
from gyre_rpc.inference.v1 import inference_pb2
from gyre_service.database import Sessions
from gyre_service.errors import (
    Conflict,
    NotFound,
    Overloaded,
    Rejected,
    Unauthenticated,
    Unavailable,
)

from .client import ACME, Client, status
from .inference import FakeInference, answering, served

DIGEST = "b" * 64


def knowing(request: inference_pb2.GenerateRequest) -> str:
    """Answer the shipped suites as they want it."""
    question = request.messages[-1].content
    (item,) = [i for s in shipped().values() for i in s.items if i.question == question]
    return f"{item.expected[0]} [1]" if item.expected else ""


async def test_a_run_gives_every_item_and_then_a_report(client: Client) -> None:
    client.inference.reply = knowing

    *items, last = await client.run("smoke")

    assert [part.WhichOneof("part") for part in items] == ["item"] * 12
    assert {part.item.item_id for part in items} == {i.id for i in shipped()["smoke"].items}
    assert all(part.item.passed and part.item.answer_id for part in items)
    report = last.report
    assert (report.items, report.passed, report.ok) == (12, 12, True)
    assert (report.suite, report.suite_digest) == ("smoke", shipped()["smoke"].digest)
    assert (report.route, report.model, list(report.failures)) == ("default", "tiny", [])
    metrics = {metric.name: metric for metric in report.metrics}
    assert metrics["exact_or_contained"].value == 1
    assert metrics["exact_or_contained"].low == pytest.approx(0.7009, abs=1e-4)
    assert metrics["refusal_recall"].trials == 3
    assert metrics["latency_p50_s"].value > 0


async def test_the_model_is_asked_with_the_evidence_of_the_item(client: Client) -> None:
    await client.run("smoke", route="hr", adapter=DIGEST, limit=1)

    ((metadata, request),) = client.inference.asked
    assert metadata["gyre-tenant"] == "acme"
    assert metadata["gyre-purpose"] == "suite"
    assert metadata["authorization"] == "Bearer token"
    assert (request.route, request.adapter) == ("hr", DIGEST)
    assert request.retrieval == inference_pb2.RETRIEVAL_GIVEN
    item = shipped()["smoke"].items[0]
    assert [passage.text for passage in request.evidence] == [p.text for p in item.passages]
    assert [message.content for message in request.messages] == [item.question]
    assert (request.sampling.temperature, request.sampling.HasField("temperature")) == (0, True)
    assert request.sampling.HasField("seed")


async def test_the_route_may_search_itself(client: Client) -> None:
    client.inference.reply = lambda request: "Blue [1]"

    await client.run("smoke", limit=1, retrieve=True)

    ((_, request),) = client.inference.asked
    assert request.retrieval == inference_pb2.RETRIEVAL_ON
    assert list(request.evidence) == []


async def test_another_run_asks_again_and_does_not_get_the_stored_answers(client: Client) -> None:
    await client.run("smoke", limit=2)
    await client.run("smoke", limit=2)

    ids = [metadata["gyre-request-id"] for metadata, _ in client.inference.asked]
    assert len(set(ids)) == 4


async def test_a_floor_that_is_missed(client: Client) -> None:
    client.inference.reply = lambda request: "It is raining."

    report = await client.report("smoke")

    assert not report.ok
    assert report.passed == 0
    assert len(report.failures) == 3
    assert report.failures[1].startswith("exact_or_contained: 0.000 is below the floor 0.5")


async def test_a_limit_takes_the_first(client: Client) -> None:
    *items, _ = await client.run("retention", limit=3)

    first = [item.id for item in shipped()["retention"].items[:3]]
    assert sorted(part.item.item_id for part in items) == sorted(first)


async def test_at_most_four_are_asked_at_a_time(client: Client) -> None:
    client.inference.held = asyncio.Event()
    running = asyncio.create_task(client.run("smoke"))
    async with asyncio.timeout(5):
        await client.inference.full.wait()
    client.inference.held.set()
    await running

    assert client.inference.most_running == 4


async def test_an_item_that_fails_is_reported_and_counts(client: Client) -> None:
    def reply(request: inference_pb2.GenerateRequest) -> str:
        if "bridge" in request.messages[-1].content.casefold():
            raise Rejected("the question is too long")
        return knowing(request)

    client.inference.reply = reply

    *items, last = await client.run("smoke")

    (failed,) = [part.item for part in items if part.item.error]
    assert failed.error == "inference: the question is too long"
    assert not failed.passed
    assert (last.report.items, last.report.passed) == (12, 11)


@pytest.mark.parametrize(
    ("error", "code", "times"),
    [
        (Unavailable("no engine"), grpc.StatusCode.UNAVAILABLE, 3),
        (Overloaded("queue is full"), grpc.StatusCode.RESOURCE_EXHAUSTED, 3),
        (NotFound("no route hr"), grpc.StatusCode.NOT_FOUND, 1),
        (Unauthenticated("unknown key"), grpc.StatusCode.UNAUTHENTICATED, 1),
    ],
)
async def test_what_would_fail_every_item_ends_the_run(
    client: Client, error: Exception, code: grpc.StatusCode, times: int
) -> None:
    def reply(_: Any) -> str:
        raise error

    client.inference.reply = reply

    assert await status(client.run("smoke", limit=1)) == (code, f"inference: {error}")
    ids = [metadata["gyre-request-id"] for metadata, _ in client.inference.asked]
    assert len(ids) == times
    assert len(set(ids)) == 1  # trying again asks for the same answer


async def test_inference_that_is_not_there(settings: Settings, sessions: Sessions) -> None:
    async with aio.insecure_channel("127.0.0.1:1") as nobody:
        servicer = Servicer(settings, sessions, nobody)
        async with served(servicer, add_EvaluationServiceServicer_to_server) as ours:
            client = Client(EvaluationServiceStub(ours), FakeInference())
            code, details = await status(client.run("smoke"))

    assert code is grpc.StatusCode.UNAVAILABLE
    assert details.startswith("inference: ")


@pytest.mark.parametrize("error", [Unavailable("starting"), Conflict("is being answered")])
async def test_inference_that_is_back_in_time_is_not_missed(
    client: Client, error: Exception
) -> None:
    failures = iter([error])

    def reply(request: inference_pb2.GenerateRequest) -> str:
        for error in failures:
            raise error
        return knowing(request)

    client.inference.reply = reply

    assert (await client.report("smoke")).passed == 12


async def test_who_hangs_up_stops_the_asking(client: Client) -> None:
    client.inference.held = asyncio.Event()
    call = client.stub.Evaluate(pb.EvaluateRequest(suite="smoke"), metadata=ACME)
    async with asyncio.timeout(5):
        await client.inference.full.wait()
        call.cancel()
        await client.inference.idle.wait()

    assert client.inference.cancelled == len(client.inference.asked) == 4


async def test_a_deadline_stops_the_asking(client: Client) -> None:
    client.inference.held = asyncio.Event()
    call = client.stub.Evaluate(pb.EvaluateRequest(suite="smoke"), metadata=ACME, timeout=0.3)

    code, _ = await status(call.read())

    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(5):
        await client.inference.idle.wait()
    assert len(client.inference.asked) == 4


async def test_an_item_may_take_its_time_and_no_more(
    settings: Settings, sessions: Sessions
) -> None:
    settings = settings.model_copy(update={"item_timeout_s": 0.2})
    inference = FakeInference(held=asyncio.Event())
    async with answering(inference) as channel:
        servicer = Servicer(settings, sessions, channel)
        async with served(servicer, add_EvaluationServiceServicer_to_server) as ours:
            client = Client(EvaluationServiceStub(ours), inference)
            item, last = await client.run("smoke", limit=1)

    assert item.item.error == "inference: no answer within 0.2 s"
    assert not last.report.ok


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"suite": ""}, "NOT_FOUND", "there is no suite '': there are documents, retention, smoke"),
        ({"suite": "smok"}, "NOT_FOUND", "there is no suite 'smok'"),
        ({"suite": "smoke@00000000"}, "NOT_FOUND", "there is no suite 'smoke@00000000'"),
        ({"suite": "smoke@%"}, "INVALID_ARGUMENT", "after the @ come 8 to 64 digits"),
    ],
)
async def test_a_wrong_request(
    client: Client, request_: dict[str, str], code: str, message: str
) -> None:
    found, details = await status(client.run(**request_))

    assert found.name == code
    assert message in details
    assert client.inference.asked == []


@pytest.mark.parametrize("metadata", [(), (("gyre-tenant", ""),), (("gyre-tenant", "a/b"),)])
async def test_nobody_asks_without_a_tenant(client: Client, metadata: Any) -> None:
    for call in (client.run("smoke", metadata), client.put(metadata=metadata)):
        code, _ = await status(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
    code, _ = await status(client.names(metadata))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
