"""Calls to retrieval, in our words and with our errors."""

from uuid import UUID

import grpc
from grpc import aio
from pydantic import ValidationError

from gyre_events import Passage
from gyre_inference.search import Asked
from gyre_rpc.retrieval.v1 import retrieval_pb2 as pb
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceStub
from gyre_service.errors import Rejected, Unavailable
from gyre_service.rpc import calling_for

CALLERS_FAULT = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


class Retrieval:
    """Search of one retrieval service.

    Args:
        channel: To it.
        timeout_s: That a call may take.
    """

    def __init__(self, channel: aio.Channel, timeout_s: float) -> None:
        self._stub = RetrievalServiceStub(channel)
        self._timeout_s = timeout_s

    async def search(
        self, asked: Asked, text: str, collection: str, limit: int
    ) -> tuple[Passage, ...]:
        """Return the passages nearest to `text`, best first; the question is observed.

        Raises:
            Unavailable: Retrieval is away, or too slow.
            Rejected: It will never answer this.
        """
        request = pb.SearchRequest(
            text=text, collection=collection, limit=limit, observation=_observation(asked)
        )
        try:
            response = await self._stub.Search(
                request,
                timeout=self._timeout_s,
                metadata=calling_for(asked.tenant, asked.purpose),
            )
            return tuple(_passage(found) for found in response.passages)
        except aio.AioRpcError as error:
            raise _translated(error) from error
        except (ValueError, ValidationError) as error:
            raise Unavailable(f"retrieval answers with a passage that is none: {error}") from error

    async def observe(self, asked: Asked) -> None:
        """Let a question that was not searched for be seen by the detectors.

        Raises:
            Unavailable: Retrieval is away, or too slow.
            Rejected: It will never take this.
        """
        try:
            await self._stub.Embed(
                pb.EmbedRequest(observation=_observation(asked)),
                timeout=self._timeout_s,
                metadata=calling_for(asked.tenant, asked.purpose),
            )
        except aio.AioRpcError as error:
            raise _translated(error) from error


def _observation(asked: Asked) -> pb.Observation:
    return pb.Observation(
        answer_id=str(asked.answer_id),
        route=asked.route,
        person=asked.person or "",
        question=asked.question,
    )


def _passage(found: pb.Passage) -> Passage:
    return Passage(
        chunk_id=UUID(found.chunk_id),
        document_id=UUID(found.document_id),
        version=found.version,
        document=found.document,
        page=found.page or None,
        text=found.text,
        score=found.score,
    )


def _translated(error: aio.AioRpcError) -> Rejected | Unavailable:
    said = f"retrieval: {error.details()}"
    return Rejected(said) if error.code() in CALLERS_FAULT else Unavailable(said)
