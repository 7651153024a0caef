"""`/v1/answers`: what was answered, on what evidence, and what was said of it."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query

from gyre_events import Purpose
from gyre_gateway.gateway import Asker, Operator, Parts
from gyre_gateway.openai_wire.base import Shown, UuidText
from gyre_gateway.people import pseudonym
from gyre_gateway.store import answers
from gyre_gateway.views import whole_answer, with_judgements
from gyre_service.database import snapshot
from gyre_service.errors import NotFound

router = APIRouter(tags=["answers"])


class ShownScore(Shown):
    judge: str
    name: str
    value: float
    label: str
    explanation: str


class ShownVerdict(Shown):
    feedback_id: UUID
    by: str | None
    thumb: str | None
    score: float | None
    comment: str | None
    edited_answer: str | None
    decided_at: str


class AnswerItem(Shown):
    """An answer without its passages; digests are SHA-256, times in seconds, cost a decimal."""

    id: UUID
    object: str
    created_at: str
    conversation_id: UUID
    route: str
    purpose: str
    model: str
    arm: str
    rollout_id: UUID
    revision: int
    collection: str
    base_digest: str
    adapter_digest: str | None
    prompt_digest: str
    person: str | None
    question: str
    answer: str
    refused: bool
    cited: list[int]
    finish_reason: str
    cached: bool
    prompt_tokens: int
    cached_tokens: int | None
    completion_tokens: int
    time_to_first_token_s: float | None
    time_per_output_token_s: float | None
    latency_s: float
    cost_usd: float
    cost: str | None
    currency: str | None
    price_version: str | None
    seed: int | None
    scores: list[ShownScore]
    verdicts: list[ShownVerdict]


class WholeAnswer(AnswerItem):
    passages: list[dict[str, Any]]


class AnswerList(Shown):
    object: str = "list"
    data: list[AnswerItem]
    has_more: bool


@router.get("/v1/answers")
async def list_answers(
    parts: Parts,
    caller: Operator,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    route: str | None = None,
    person: str | None = None,
    conversation_id: UUID | None = None,
    purpose: Purpose = Purpose.LIVE,
    after: UUID | None = None,
) -> AnswerList:
    """List answers, newest first. `person` is a pseudonym, or the `user` it was made from."""
    persons = [person, pseudonym(person, caller.tenant, parts.pepper)] if person else None
    async with snapshot(parts.sessions) as session:
        rows = await answers.page(
            session,
            caller.tenant,
            limit + 1,
            purpose=purpose,
            route=route,
            persons=persons,
            conversation_id=conversation_id,
            after=after,
        )
        data = await with_judgements(session, caller.tenant, rows[:limit])
    return AnswerList.model_validate({"data": data, "has_more": len(rows) > limit})


@router.get("/v1/answers/{answer_id}")
async def get_answer(
    answer_id: Annotated[UuidText, Path()], parts: Parts, caller: Asker
) -> WholeAnswer:
    """Show one answer with its passages. It is here a moment after it was given."""
    async with snapshot(parts.sessions) as session:
        shown = await whole_answer(session, caller.tenant, UUID(answer_id))
    if shown is None:
        raise NotFound(f"no answer {answer_id}: look again in a moment if it is new")
    return WholeAnswer.model_validate(shown)


@router.get("/v1/answers/{answer_id}/lineage")
async def get_lineage(
    answer_id: Annotated[UuidText, Path()], parts: Parts, caller: Operator
) -> dict[str, Any]:
    """Show where an answer came from: chunks, prompt, adapter, training, data, drift, gate."""
    found: dict[str, Any] = json.loads(await parts.registry.lineage(caller.tenant, answer_id))
    return found
