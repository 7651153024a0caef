"""What cannot be taken back is done from a page of its own, which names what it is done to."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from gyre_events import RemedyRequested
from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import Visitor
from gyre_gateway.gateway import Parts
from gyre_gateway.store import documents
from gyre_gateway.store.remedies import PROPOSED, Remedy
from gyre_rpc.registry.v1.registry_pb2 import Rollout
from gyre_service.database import snapshot
from gyre_service.errors import NotFound, Rejected

router = APIRouter()


@router.get("/documents/{document_id}/remove")
async def take_out(
    request: Request, document_id: UUID, parts: Parts, caller: Visitor
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        row = await documents.get(session, caller.tenant, document_id)
    if row is None or row.status == "removed":
        raise NotFound(f"there is no document {document_id} any more")
    values = {
        "title": f"Remove {row.name}?",
        "about": [f"Of the collection {row.collection}. No question is answered from it any more."],
        "act": "Remove",
        "back": "/documents",
    }
    return page(request, "sure", caller, values)


@router.get("/remedies/{remedy_id}/approve")
async def approve(request: Request, remedy_id: UUID, parts: Parts, caller: Visitor) -> HTMLResponse:
    return await _review(request, remedy_id, parts, caller, "Approve")


@router.get("/remedies/{remedy_id}/refuse")
async def refuse(request: Request, remedy_id: UUID, parts: Parts, caller: Visitor) -> HTMLResponse:
    return await _review(request, remedy_id, parts, caller, "Refuse")


async def _review(
    request: Request, remedy_id: UUID, parts: Parts, caller: Visitor, act: str
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        row = await session.get(Remedy, (caller.tenant, remedy_id))
    if row is None:
        raise NotFound(f"there is no remedy {remedy_id}")
    asked = RemedyRequested.model_validate(row.event)
    if asked.state != PROPOSED:
        raise Rejected(f"this remedy is {asked.state}: only a proposed one waits for a person")
    values = {
        "title": f"{act} {asked.remedy} on {asked.route}?",
        "about": [f"Because of {asked.cause}: {asked.reason}"],
        "act": act,
        "reasoned": True,
        "back": "/drift",
    }
    return page(request, "sure", caller, values)


@router.get("/rollouts/{rollout_id}/promote")
async def promote(
    request: Request, rollout_id: UUID, parts: Parts, caller: Visitor
) -> HTMLResponse:
    rollout = await _rollout(rollout_id, parts, caller)
    title = f"Promote adapter {rollout.adapter_digest[:16]} on {rollout.route}?"
    about = "All conversations are answered by it, whatever its evidence."
    return _sure(request, caller, rollout, title, about, "Promote")


@router.get("/rollouts/{rollout_id}/rollback")
async def roll_back(
    request: Request, rollout_id: UUID, parts: Parts, caller: Visitor
) -> HTMLResponse:
    rollout = await _rollout(rollout_id, parts, caller)
    serves = rollout.stage == "production"
    act = "Take back" if serves else "Roll back"
    title = f"{act} adapter {rollout.adapter_digest[:16]} on {rollout.route}?"
    about = "What it has replaced answers again." if serves else "Its rollout ends for good."
    return _sure(request, caller, rollout, title, about, act)


async def _rollout(rollout_id: UUID, parts: Parts, caller: Visitor) -> Rollout:
    for rollout in await parts.registry.list_rollouts(caller.tenant):
        if rollout.rollout_id == str(rollout_id):
            return rollout
    raise NotFound(f"there is no rollout {rollout_id}")


def _sure(
    request: Request, caller: Visitor, rollout: Rollout, title: str, about: str, act: str
) -> HTMLResponse:
    now = f"It is in the stage {rollout.stage}, shown to {rollout.share / 100} %: {rollout.reason}"
    values = {
        "title": title,
        "about": [now, about],
        "act": act,
        "reasoned": True,
        "back": "/rollouts",
    }
    return page(request, "sure", caller, values)
