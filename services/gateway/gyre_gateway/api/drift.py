"""`/v1/drift`: what the detectors see, and what they have found."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.openai_wire.base import Shown
from gyre_gateway.showing import fields_of
from gyre_gateway.store import alarms, remedies
from gyre_service.database import snapshot

router = APIRouter(tags=["drift"])


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
) -> EventList:
    """List what was decided about drift, newest first, each with its reason and its state."""
    async with snapshot(parts.sessions) as session:
        rows = await remedies.newest(session, caller.tenant, limit + 1, route)
    return EventList(data=[row.event for row in rows[:limit]], has_more=len(rows) > limit)
