"""Where an answer comes from: what is kept of events, and how it is put together again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import (
    AdapterTrained,
    AnswerGenerated,
    DatasetFrozen,
    DocumentIndexed,
    DriftDetected,
    Event,
    RetrainingRequested,
    TrainingFailed,
)
from gyre_registry import finding, store
from gyre_registry.desired import DEFAULT
from gyre_registry.outcome import digest_of
from gyre_registry.tables import Adapter, AnswerOrigin, Fact, Rollout, RolloutStep
from gyre_service.errors import NotFound
from gyre_service.ids import utc

PROMPT = "prompt"


def id_of(event: Event) -> str:
    """Return what an event is found by."""
    match event:
        case DriftDetected():
            return str(event.drift_id)
        case RetrainingRequested() | DatasetFrozen() | TrainingFailed() | AdapterTrained():
            return str(event.job_id)
        case _:
            raise TypeError(f"{event.topic} is not kept by an id of its own")


async def keep(session: AsyncSession, tenant: str, event: Event, id: str) -> None:
    """Keep an event under its id; the newest of the same id stays."""
    row = await session.get(Fact, (tenant, event.topic, id))
    row = row or Fact(tenant=tenant, kind=event.topic, id=id, fact={})
    row.fact = event.model_dump(mode="json")
    session.add(row)


async def keep_prompt(session: AsyncSession, tenant: str, digest: str, text: str) -> None:
    if await session.get(Fact, (tenant, PROMPT, digest)) is None:
        session.add(Fact(tenant=tenant, kind=PROMPT, id=digest, fact={"text": text}))


async def keep_answer(
    session: AsyncSession, tenant: str, event: AnswerGenerated, time: datetime
) -> None:
    """Keep what an answer was made of, without its words."""
    if await session.get(AnswerOrigin, (tenant, event.answer_id)) is not None:
        return
    origin = event.model_dump(
        mode="json",
        include={
            *("answer_id", "conversation_id", "route", "purpose", "arm", "rollout_id", "revision"),
            *("model", "collection", "base_digest", "adapter_digest", "prompt_digest", "cited"),
        },
    )
    origin["passages"] = [
        passage.model_dump(
            mode="json", include={"chunk_id", "document_id", "version", "document", "page", "score"}
        )
        for passage in event.passages
    ]
    session.add(
        AnswerOrigin(
            tenant=tenant,
            answer_id=event.answer_id,
            origin=origin,
            text_digest=digest_of(event.answer),
            at=time,
        )
    )


async def text_digest_of(session: AsyncSession, tenant: str, answer_id: UUID) -> str:
    """Return the SHA-256 of an answer's text; empty if the answer is not known (yet)."""
    row = await session.get(AnswerOrigin, (tenant, answer_id))
    return row.text_digest if row else ""


async def forget_answers(session: AsyncSession, before: datetime) -> None:
    await session.exec(delete(AnswerOrigin).where(col(AnswerOrigin.at) < before))


async def trace(session: AsyncSession, tenant: str, answer_id: UUID) -> dict[str, Any]:
    """Return the lineage of an answer; a part that has no place in it is None.

    Of a tenant that was answered by the route of `default`, what made that one is told without
    the questions that had moved it: they are others'.

    Raises:
        NotFound: The answer is not known (any more).
    """
    row = await session.get(AnswerOrigin, (tenant, answer_id))
    if row is None:
        raise NotFound(f"no answer {answer_id} is known: it may be too old, or not come yet")
    origin = dict(row.origin)
    chunks = [
        passage | {"indexed": await _fact(session, tenant, DocumentIndexed, _version(passage))}
        for passage in origin.pop("passages")
    ]
    digest = origin["adapter_digest"]
    owner = await _owner(session, tenant, origin)
    key = (owner, origin["route"], digest)
    adapter = await session.get(Adapter, key) if digest else None
    rollout = adapter and await _rollout(session, adapter, row.at)
    job = str(rollout.job_id) if rollout is not None and rollout.job_id else ""
    request = await _fact(session, owner, RetrainingRequested, job)
    drifts = [
        await _fact(session, owner, DriftDetected, id)
        for id in (request or {}).get("drift_ids", ())
    ]
    if owner != tenant:
        drifts = [drift and _without_questions(drift) for drift in drifts]
    return {
        "answer": origin,
        "chunks": chunks,
        "prompt": await _prompt(session, owner, origin["prompt_digest"]),
        "base": origin["base_digest"],
        "adapter": adapter and adapter.model_dump(mode="json", exclude={"tenant"}),
        "rollout": rollout and await _shown(session, rollout),
        "training": await _fact(session, owner, AdapterTrained, job),
        "request": request,
        "dataset": await _fact(session, owner, DatasetFrozen, job),
        "drift": [drift for drift in drifts if drift] or None,
        "gate": rollout and rollout.gate,
    }


async def _owner(session: AsyncSession, tenant: str, origin: dict[str, Any]) -> str:
    """Return whose route answered: the tenant's own, or that of `default` (docs/decisions/0005)."""
    if origin["route"] != DEFAULT:
        return tenant
    for owner in (tenant, DEFAULT):
        key = (owner, DEFAULT, origin["revision"])
        found = await session.get(store.RouteRevision, key)
        if found is not None and found.rollout["rollout_id"] == origin["rollout_id"]:
            return owner
    # A database that was made anew knows no revisions of before.
    own = await store.read_route(session, tenant, DEFAULT)
    return DEFAULT if own is None else tenant


def _without_questions(drift: dict[str, Any]) -> dict[str, Any]:
    return {name: drift[name] for name in drift if name not in ("examples", "nearest", "moved")}


def _version(passage: dict[str, Any]) -> str:
    return f"{passage['document_id']}/{passage['version']}"


async def _fact(
    session: AsyncSession, tenant: str, kind: type[Event], id: str
) -> dict[str, Any] | None:
    row = await session.get(Fact, (tenant, kind.topic, id))
    return None if row is None else row.fact


async def _prompt(session: AsyncSession, tenant: str, digest: str) -> dict[str, Any]:
    row = await session.get(Fact, (tenant, PROMPT, digest))
    return {"digest": digest, "text": row.fact["text"] if row else None}


async def _rollout(session: AsyncSession, adapter: Adapter, at: datetime) -> Rollout | None:
    """Return the rollout that an adapter had then: the newest that had begun, as clocks go."""
    query = (
        select(Rollout)
        .where(
            col(Rollout.tenant) == adapter.tenant,
            col(Rollout.route) == adapter.route,
            col(Rollout.adapter_digest) == adapter.digest,
        )
        .order_by(col(Rollout.began_at).desc())
    )
    found = (await session.exec(query)).all()
    begun = (one for one in found if utc(one.began_at) <= utc(at))
    return next(begun, found[-1] if found else None)


async def _shown(session: AsyncSession, row: Rollout) -> dict[str, Any]:
    shown = row.model_dump(mode="json", exclude={"tenant", "gate", "before"})
    stage, share = await finding.standing(session, row)
    return shown | {"stage": stage, "share": share, "history": await steps_of(session, row)}


async def steps_of(session: AsyncSession, row: Rollout) -> list[dict[str, Any]]:
    """Return the history of a rollout, oldest first."""
    query = (
        select(RolloutStep)
        .where(col(RolloutStep.tenant) == row.tenant, col(RolloutStep.rollout_id) == row.rollout_id)
        .order_by(col(RolloutStep.number))
    )
    return [
        step.model_dump(mode="json", include={"at", "stage", "share", "reason", "by"})
        for step in await session.exec(query)
    ]
