"""`/v1/embeddings`: the encoder that a route's documents are searched with."""

from fastapi import APIRouter, Request

from gyre_gateway.disconnects import unless_gone
from gyre_gateway.gateway import Asker, Parts
from gyre_gateway.naming import model_of
from gyre_gateway.openai_wire.embedding import (
    Embedding,
    EmbeddingList,
    EmbeddingRequest,
    EmbeddingUsage,
    encoded,
    split,
)
from gyre_service.errors import Rejected

router = APIRouter(tags=["embeddings"])


@router.post("/v1/embeddings")
async def embed(
    request: Request, body: EmbeddingRequest, parts: Parts, caller: Asker
) -> EmbeddingList:
    """Return a vector of length 1 for every text."""
    model_of(parts.rollouts, caller.tenant, body.model)
    found = await unless_gone(request, parts.retrieval.embed(caller.tenant, body.texts))
    if body.dimensions not in (None, found.dimension):
        raise Rejected(
            f"the encoder has {found.dimension} dimensions, not {body.dimensions}",
            param="dimensions",
        )
    tokens = sum(found.tokens)
    rows = split(found.vectors, found.dimension)
    return EmbeddingList(
        data=[
            Embedding(index=index, embedding=encoded(row, body.encoding_format == "base64"))
            for index, row in enumerate(rows)
        ],
        model=body.model,
        usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
    )
