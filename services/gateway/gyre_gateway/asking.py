"""From a client's question to what inference is asked."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from gyre_gateway.access import Caller
from gyre_gateway.gateway import Gateway
from gyre_gateway.naming import named
from gyre_gateway.openai_wire.asking import Asked
from gyre_gateway.openai_wire.base import UuidText
from gyre_gateway.people import pseudonym
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.rpc import AUTHORIZATION, REQUEST_ID, Metadata

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,255}$")
]

# Of a question it becomes the request's id, which inference takes up to this length.
QuestionKey = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=200, pattern=r"^[\x21-\x7e]+$")
]


@dataclass(frozen=True)
class Hints:
    """What the headers of a question say."""

    conversation_id: str | None
    idempotency_key: str | None


async def _hints(
    idempotency_key: QuestionKey = None,
    gyre_conversation_id: Annotated[UuidText | None, Header()] = None,
) -> Hints:
    return Hints(gyre_conversation_id, idempotency_key)


AskHints = Annotated[Hints, Depends(_hints)]


def question(
    asked: Asked,
    messages: list[pb.Message],
    max_tokens: int,
    hints: Hints,
    caller: Caller,
    gateway: Gateway,
) -> pb.GenerateRequest:
    """Return `asked` as inference reads it.

    Raises:
        ModelNotFound: Its model is none of ours.
        Forbidden: It says who has to answer, and the key may not choose.
    """
    model = named(asked.model)
    if model.alias:  # who chooses what answers sees what nobody else is shown
        caller.allow("operate")
    metadata = asked.metadata
    is_off = metadata is not None and metadata.retrieval == "off"
    said = hints.conversation_id or (metadata.conversation_id if metadata else None)
    return pb.GenerateRequest(
        route=model.route,
        adapter=model.alias,
        messages=messages,
        sampling=pb.Sampling(
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=max_tokens,
            stop=asked.stops,
            seed=asked.seed,
            presence_penalty=asked.presence_penalty,
            frequency_penalty=asked.frequency_penalty,
            n=asked.n or 1,
            top_logprobs=asked.likeliest,
            json_schema=asked.answer_schema,
        ),
        retrieval=pb.RETRIEVAL_OFF if is_off else pb.RETRIEVAL_ON,
        person=pseudonym(asked.user, caller.tenant, gateway.pepper),
        conversation_id=said or "",
    )


def metadata_for(caller: Caller, hints: Hints) -> Metadata:
    """Return with what inference is asked: the caller's own key, as any client would."""
    entries = [(AUTHORIZATION, f"Bearer {caller.key}")]
    if hints.idempotency_key is not None:
        entries.append((REQUEST_ID, hints.idempotency_key))
    return tuple(entries)
