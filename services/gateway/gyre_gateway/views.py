"""Read models put together: an answer with all that was said of it."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_gateway.store import answers, judgements

# Named as the event names them, in the order in which they are read.
COPIED = (
    "conversation_id",
    "route",
    "purpose",
    "model",
    "arm",
    "rollout_id",
    "revision",
    "collection",
    "base_digest",
    "adapter_digest",
    "prompt_digest",
    "person",
    "question",
    "answer",
    "refused",
    "cited",
    "finish_reason",
    "cached",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "time_to_first_token_s",
    "time_per_output_token_s",
    "latency_s",
    "cost_usd",
    "cost",
    "currency",
    "price_version",
    "seed",
)


def answer_shown(row: answers.Answer) -> dict[str, Any]:
    """Return an answer as JSON, without its passages."""
    fields = {name: row.event.get(name) for name in COPIED}
    head = {"id": str(row.answer_id), "object": "answer", "created_at": row.time.isoformat()}
    return head | fields


async def with_judgements(
    session: AsyncSession, tenant: str, rows: list[answers.Answer]
) -> list[dict[str, Any]]:
    """Return answers as JSON, with their scores and verdicts."""
    ids = [row.answer_id for row in rows]
    scores = await judgements.scores_of(session, tenant, ids)
    verdicts = await judgements.verdicts_of(session, tenant, ids)
    return [
        answer_shown(row)
        | {
            "scores": [score.shown() for score in scores.get(row.answer_id, [])],
            "verdicts": [verdict.shown() for verdict in verdicts.get(row.answer_id, [])],
        }
        for row in rows
    ]


async def whole_answer(
    session: AsyncSession, tenant: str, answer_id: UUID
) -> dict[str, Any] | None:
    """Return one answer as JSON with everything, or None."""
    row = await answers.get(session, tenant, answer_id)
    if row is None:
        return None
    (shown,) = await with_judgements(session, tenant, [row])
    return shown | {
        "no_context": row.event.get("no_context", False),
        "passages": [
            {"number": number, "cited": number in row.event.get("cited", ())} | passage
            for number, passage in enumerate(row.event.get("passages", []), 1)
        ],
    }
