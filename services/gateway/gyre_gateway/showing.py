"""Inference's messages as OpenAI's shapes."""

import hashlib
from collections.abc import Iterable
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from gyre_gateway.openai_wire.answering import GyrePart, Head, ShownCost, ShownPassage, Usage
from gyre_gateway.openai_wire.logprobs import Token
from gyre_gateway.openai_wire.styles import Said
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.ids import now


def head_of(started: pb.Started) -> Head:
    """Return what every part of the answer repeats; the fingerprint names all that made it."""
    made_by = "/".join((started.model, started.adapter, started.prompt))
    return Head(
        answer_id=started.answer_id,
        created=int(now().timestamp()),
        model=started.model,
        system_fingerprint="fp_" + hashlib.sha256(made_by.encode()).hexdigest()[:10],
    )


def usage_of(finished: pb.Finished) -> Usage:
    usage = finished.usage
    return Usage.of(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)


def choices_of(finished: pb.Finished) -> list[Said]:
    """Return every alternative; an answer stored before there were any is the only one."""
    choices = finished.choices or [
        pb.Choice(
            answer=finished.answer,
            finish_reason=finished.finish_reason,
            refused=finished.refused,
        )
    ]
    return [
        Said(
            text=choice.answer,
            index=index,
            refused=choice.refused,
            tokens=_tokens(choice.logprobs),
            reason=choice.finish_reason or "stop",
        )
        for index, choice in enumerate(choices)
    ]


def said_in(part: pb.GenerateResponse) -> Said:
    """Return what a part with `delta` says."""
    return Said(part.delta, part.choice, part.refused, _tokens(part.logprobs))


def _tokens(logprobs: Iterable[pb.TokenLogprob]) -> tuple[Token, ...]:
    return tuple(Token(one.token, one.logprob, _tokens(one.top)) for one in logprobs)


def gyre_of(started: pb.Started, finished: pb.Finished) -> GyrePart:
    return GyrePart(
        answer_id=started.answer_id,
        refused=finished.refused,
        no_context=finished.no_context,
        arm=started.arm,
        adapter=started.adapter or None,
        cost=cost_of(finished),
        passages=[
            ShownPassage(
                id=passage.chunk_id,
                document_id=passage.document_id,
                document=passage.document,
                page=passage.page or None,
                text=passage.text,
                score=passage.score,
            )
            for passage in started.passages
        ],
    )


def cost_of(finished: pb.Finished) -> ShownCost | None:
    """Return what the answer cost; None if it is from before inference had prices."""
    cost = finished.cost
    if not finished.HasField("cost"):
        return None
    return ShownCost(amount=cost.amount, currency=cost.currency, prices=cost.prices)


def headers_of(started: pb.Started) -> dict[str, str]:
    """Return the headers that say what answers; without an adapter it is the base."""
    return {
        "gyre-answer-id": started.answer_id,
        "gyre-conversation-id": started.conversation_id,
        "gyre-adapter": started.adapter or "base",
        "gyre-prompt-version": started.prompt,
    }


def fields_of(message: Message) -> dict[str, Any]:
    """Return a message's fields under their own names, those without a value too."""
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
