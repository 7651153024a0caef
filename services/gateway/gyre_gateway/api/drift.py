"""`/v1/drift`: what the detectors see, and what they have found."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query

from gyre_gateway.api.rollouts import UNSAID, Why
from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.openai_wire.base import Shown, UuidText
from gyre_gateway.reviewing import review
from gyre_gateway.showing import fields_of
from gyre_gateway.store import alarms, remedies
from gyre_service.database import snapshot

router = APIRouter(tags=["drift"])

RemedyId = Annotated[UuidText, Path()]


class Detector(Shown):
    """One statistic of one route; `history` has its last values, oldest first."""

    name: str
    family: str
    state: str
    statistic: float
    threshold: float
    events: int
    history: list[float]


class Cluster(Shown):
    """Questions of one kind, on a map on which those that are alike are near each other."""

    cluster: int
    before: float
    now: float
    x: float
    y: float
    example: str


class Stream(Shown):
    """The questions and answers of one route."""

    route: str
    state: str
    reference_id: str
    encoder: str
    events: int
    reference_events: int
    reference_wanted: int
    detectors: list[Detector]
    pending: str
    cooldown_s: float
    clusters: list[Cluster]
    cause: str
    attacked: bool


class DriftStatus(Shown):
    object: Literal["drift"] = "drift"
    streams: list[Stream]


class EventList(Shown):
    """Events, as they were published."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    has_more: bool


class AcceptedReview(Shown):
    """What was said of a remedy; what comes of it is in the list, a moment later."""

    object: Literal["review"] = "review"
    remedy_id: UUID
    approved: bool


@router.get("/v1/drift")
async def get_drift(parts: Parts, caller: Operator, route: str = "") -> DriftStatus:
    """Show every detector, with its statistic against its threshold."""
    found = await parts.drift.status(caller.tenant, route)
    return DriftStatus.model_validate({"streams": [fields_of(stream) for stream in found]})


@router.get("/v1/drifts")
async def list_alarms(
    parts: Parts,
    caller: Operator,
    route: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EventList:
    """List the alarms, newest first, each with its evidence."""
    async with snapshot(parts.sessions) as session:
        rows = await alarms.newest(session, caller.tenant, limit + 1, route)
    return EventList(data=[row.event for row in rows[:limit]], has_more=len(rows) > limit)


@router.get("/v1/remedies")
async def list_remedies(
    parts: Parts,
    caller: Operator,
    route: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    state: str | None = None,
) -> EventList:
    """List what was decided about drift, newest first, each with its reason and its state.

    `state=proposed`: what waits for a person, however old.
    """
    async with snapshot(parts.sessions) as session:
        rows = await remedies.newest(session, caller.tenant, limit + 1, route, state)
    return EventList(data=[row.event for row in rows[:limit]], has_more=len(rows) > limit)


@router.post("/v1/remedies/{remedy_id}/approve", status_code=202)
async def approve(
    remedy_id: RemedyId, parts: Parts, caller: Operator, why: Why = UNSAID
) -> AcceptedReview:
    """Agree to a proposed remedy: it is carried out as soon as nothing else holds it."""
    return await _reviewed(parts, caller, remedy_id, why, approved=True)


@router.post("/v1/remedies/{remedy_id}/refuse", status_code=202)
async def refuse(
    remedy_id: RemedyId, parts: Parts, caller: Operator, why: Why = UNSAID
) -> AcceptedReview:
    """Refuse a proposed remedy: the next one of the policy is tried."""
    return await _reviewed(parts, caller, remedy_id, why, approved=False)


async def _reviewed(
    parts: Parts, caller: Operator, remedy_id: RemedyId, why: Why, *, approved: bool
) -> AcceptedReview:
    event = await review(
        parts, caller.tenant, UUID(remedy_id), approved=approved, reason=why.reason
    )
    return AcceptedReview(remedy_id=event.remedy_id, approved=event.approved)
