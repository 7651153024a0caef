"""The encoder, which lives in `retrieval`."""

import numpy as np
from grpc import aio

from gyre_evaluation.clients.status import meaning
from gyre_evaluation.scoring import Encoding
from gyre_events import Purpose
from gyre_rpc.retrieval.v1.retrieval_pb2 import EmbedRequest, EmbedResponse
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceStub
from gyre_service.errors import ServiceError
from gyre_service.rpc import calling_for


class Encoder:
    """Turns texts into vectors."""

    def __init__(self, channel: aio.Channel, timeout_s: float) -> None:
        self._stub = RetrievalServiceStub(channel)
        self._timeout_s = timeout_s

    async def embed(self, texts: list[str], tenant: str, purpose: Purpose) -> Encoding:
        """Return one vector a text, in their order.

        Args:
            texts: 1 to 256, none of them empty.
            tenant: For whom.
            purpose: Of the answer that is judged.

        Raises:
            Unavailable: `retrieval` is away, starting or too slow.
            Rejected: It will never take these texts.
            ServiceError: It answered with something else than one vector a text.
        """
        try:
            response = await self._stub.Embed(
                EmbedRequest(texts=texts),
                metadata=calling_for(tenant, purpose),
                timeout=self._timeout_s,
            )
        except aio.AioRpcError as error:
            raise meaning(error, "retrieval") from error
        return _decoded(response, len(texts))


def _decoded(response: EmbedResponse, texts: int) -> Encoding:
    expected = texts * response.dimension * 4
    if response.dimension == 0 or len(response.vectors) != expected:
        raise ServiceError(
            f"retrieval: Embed returned {len(response.vectors)} bytes, expected {expected}"
            f" ({texts} texts of dimension {response.dimension}, float32)"
        )
    vectors = np.frombuffer(response.vectors, dtype="<f4").reshape(texts, response.dimension)
    return Encoding(f"{response.encoder} {response.encoder_digest[:12]}", vectors)
