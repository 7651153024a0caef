"""`/v1/completions`: the prompt as one user message."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gyre_gateway.answering import answer
from gyre_gateway.api.chat import OR_STREAM
from gyre_gateway.asking import AskHints, question
from gyre_gateway.gateway import Asker, Parts
from gyre_gateway.openai_wire.answering import TextCompletion
from gyre_gateway.openai_wire.asking import CompletionRequest
from gyre_gateway.openai_wire.errors import REPEATED
from gyre_gateway.openai_wire.styles import TextStyle
from gyre_rpc.inference.v1 import inference_pb2 as pb

router = APIRouter(tags=["answers"])


@router.post("/v1/completions", response_model=TextCompletion, responses=OR_STREAM | REPEATED)
async def complete(
    request: Request, body: CompletionRequest, hints: AskHints, parts: Parts, caller: Asker
) -> Response:
    """Answer the prompt, from the route's documents unless `metadata.retrieval` is off."""
    messages = [pb.Message(role="user", content=body.text)]
    asking = question(body, messages, body.max_tokens or 0, hints, caller, parts)
    style = TextStyle(logprobs=body.likeliest is not None)
    return await answer(request, body, asking, hints, caller, parts, style)
