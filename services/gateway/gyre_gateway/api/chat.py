"""`/v1/chat/completions`."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gyre_gateway.answering import EVENT_STREAM, answer
from gyre_gateway.asking import AskHints, question
from gyre_gateway.gateway import Asker, Parts
from gyre_gateway.openai_wire.answering import ChatCompletion
from gyre_gateway.openai_wire.asking import ChatRequest
from gyre_gateway.openai_wire.errors import REPEATED
from gyre_gateway.openai_wire.styles import ChatStyle
from gyre_rpc.inference.v1 import inference_pb2 as pb

router = APIRouter(tags=["answers"])
ROLES = {"developer": "system"}  # OpenAI's newer name of it
OR_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {EVENT_STREAM: {}}}}


@router.post("/v1/chat/completions", response_model=ChatCompletion, responses=OR_STREAM | REPEATED)
async def chat(
    request: Request, body: ChatRequest, hints: AskHints, parts: Parts, caller: Asker
) -> Response:
    """Answer the last message, from the route's documents unless `metadata.retrieval` is off."""
    messages = [
        pb.Message(role=ROLES.get(message.role, message.role), content=message.text)
        for message in body.messages
    ]
    asking = question(body, messages, body.token_limit, hints, caller, parts)
    style = ChatStyle(logprobs=body.likeliest is not None, formed=bool(body.answer_schema))
    return await answer(request, body, asking, hints, caller, parts, style)
