from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from grpc import aio

from gyre_events import Purpose
from gyre_inference.clients import Retrieval
from gyre_inference.search import Asked
from gyre_rpc.retrieval.v1 import retrieval_pb2 as pb
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import (
    RetrievalServiceServicer,
    add_RetrievalServiceServicer_to_server,
)
from gyre_service.errors import Rejected, Unavailable

ASKED = Asked(UUID(int=1), "default", "p-1", "Why?", "acme", Purpose.SUITE)


class Service(RetrievalServiceServicer):
    def __init__(self) -> None:
        self.passages: list[pb.Passage] = []
        self.status: grpc.StatusCode | None = None
        self.got: list[tuple[Any, dict[str, str]]] = []

    async def Search(self, request: Any, context: Any) -> pb.SearchResponse:
        await self._note(request, context)
        return pb.SearchResponse(passages=self.passages)

    async def Embed(self, request: Any, context: Any) -> pb.EmbedResponse:
        await self._note(request, context)
        return pb.EmbedResponse()

    async def _note(self, request: Any, context: Any) -> None:
        self.got.append((request, dict(context.invocation_metadata())))
        if self.status:
            await context.abort(self.status, "so it is")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def retrieval(service: Service) -> AsyncIterator[Retrieval]:
    server = aio.server()
    add_RetrievalServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Retrieval(channel, timeout_s=5)
    await server.stop(grace=None)


async def test_a_search_says_for_whom_why_and_what_is_observed(
    retrieval: Retrieval, service: Service
) -> None:
    chunk = uuid4()
    service.passages = [
        pb.Passage(chunk_id=str(chunk), document_id=str(uuid4()), version=2, text="t", score=0.5)
    ]

    (found,) = await retrieval.search(ASKED, "Who? Why?", "manuals", 4)

    request, metadata = service.got[0]
    assert (found.chunk_id, found.version, found.page) == (chunk, 2, None)
    assert (request.text, request.collection, request.limit) == ("Who? Why?", "manuals", 4)
    assert request.observation.question == "Why?"
    assert request.observation.answer_id == str(ASKED.answer_id)
    assert (metadata["gyre-tenant"], metadata["gyre-purpose"]) == ("acme", "suite")


async def test_a_question_without_search_is_observed(
    retrieval: Retrieval, service: Service
) -> None:
    await retrieval.observe(ASKED)

    assert service.got[0][0].observation.person == "p-1"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Unavailable),
        (grpc.StatusCode.UNKNOWN, Unavailable),
        (grpc.StatusCode.INVALID_ARGUMENT, Rejected),
    ],
)
async def test_its_errors_become_ours(
    retrieval: Retrieval, service: Service, status: Any, error: type[Exception]
) -> None:
    service.status = status

    with pytest.raises(error, match="retrieval: so it is"):
        await retrieval.search(ASKED, "Why?", "default", 4)
    with pytest.raises(error, match="retrieval: so it is"):
        await retrieval.observe(ASKED)


async def test_a_passage_that_is_none_does_not_reach_the_model(
    retrieval: Retrieval, service: Service
) -> None:
    service.passages = [pb.Passage(chunk_id="7", text="t")]

    with pytest.raises(Unavailable, match="a passage that is none"):
        await retrieval.search(ASKED, "Why?", "default", 4)


async def test_nobody_there_is_unavailable() -> None:
    async with aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(Unavailable, match="retrieval"):
            await Retrieval(channel, timeout_s=2).search(ASKED, "Why?", "default", 4)
