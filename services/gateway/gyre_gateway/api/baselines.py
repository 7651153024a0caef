"""`/v1/baselines`: past questions, from which drift learns at once what is usual."""

from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field

from gyre_gateway.asking import IdempotencyKey
from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.openai_wire.base import Shown, Wire
from gyre_rpc.retrieval.v1 import retrieval_pb2 as pb
from gyre_service.ids import derived_id

router = APIRouter(tags=["drift"])


class BaselineRequest(Wire):
    """Questions that a route was asked before; send more in several requests."""

    route: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "default"
    questions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=32_000)]],
        Field(min_length=1, max_length=256),
    ]


class AcceptedBaseline(Shown):
    object: Literal["baseline"] = "baseline"
    route: str
    accepted: int


@router.post("/v1/baselines")
async def post_baseline(
    body: BaselineRequest, parts: Parts, caller: Operator, idempotency_key: IdempotencyKey = None
) -> AcceptedBaseline:
    """Let past questions be a part of the route's reference. No model is asked.

    With the same `Idempotency-Key` they count once.
    """
    key = idempotency_key or str(uuid4())
    past = [
        pb.Observation(
            answer_id=str(derived_id(caller.tenant, "baseline", body.route, key, number)),
            route=body.route,
            question=question,
        )
        for number, question in enumerate(body.questions)
    ]
    await parts.retrieval.observe(caller.tenant, past)
    return AcceptedBaseline(route=body.route, accepted=len(past))
