"""The loop, to look at and to stop: drift, trainings, rollouts."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AfterValidator, BeforeValidator

from gyre_events import DriftDetected, RemedyRequested
from gyre_gateway.console.charts import line, spots
from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import Acting, Visitor
from gyre_gateway.gateway import BY, Parts
from gyre_gateway.openai_wire.base import unix_lines, whole_text
from gyre_gateway.reviewing import review
from gyre_gateway.showing import fields_of
from gyre_gateway.store import alarms, jobs, remedies
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_service.database import snapshot

router = APIRouter()
SHOWN = 20
WAITING = 200  # for a person, however old
ENDED = ("retired", "rejected", "rolled-back")
Reason = Annotated[
    str, Form(max_length=1_000), BeforeValidator(unix_lines), AfterValidator(whole_text)
]


@router.get("/drift")
async def drift(request: Request, parts: Parts, caller: Visitor) -> HTMLResponse:
    streams = await parts.drift.status(caller.tenant)
    async with snapshot(parts.sessions) as session:
        found = await alarms.newest(session, caller.tenant, SHOWN)
        waiting = await remedies.newest(session, caller.tenant, WAITING, state=remedies.PROPOSED)
        decided = await remedies.newest(session, caller.tenant, SHOWN)
        asked = await jobs.newest(session, caller.tenant, SHOWN)
    shown = [
        {
            "stream": stream,
            "spots": spots([(c.x, c.y, c.before, c.now, c.example) for c in stream.clusters]),
            # Those that are nearest to their threshold first.
            "detectors": sorted(
                ((one, _curve(one)) for one in stream.detectors),
                key=lambda pair: pair[0].statistic / (pair[0].threshold or 1),
                reverse=True,
            ),
        }
        for stream in streams
    ]
    told = {row.remedy_id: row for row in [*waiting, *decided]}
    values = {
        "streams": shown,
        # As this version knows them: what an earlier one has kept lacks the fields that came since.
        "alarms": [DriftDetected.model_validate(row.event) for row in found],
        "remedies": [RemedyRequested.model_validate(row.event) for row in told.values()],
        "jobs": asked,
    }
    return page(request, "drift", caller, values)


def _curve(detector: Any) -> Any:
    history = [(float(number), value) for number, value in enumerate(detector.history)]
    return line(history, detector.threshold or None)


@router.post("/remedies/{remedy_id}/approve")
async def approve(remedy_id: UUID, parts: Parts, caller: Acting, reason: Reason = "") -> Response:
    caller.allow("operate")
    await review(parts, caller.tenant, remedy_id, approved=True, reason=reason)
    return RedirectResponse("/drift", status_code=303)


@router.post("/remedies/{remedy_id}/refuse")
async def refuse(remedy_id: UUID, parts: Parts, caller: Acting, reason: Reason = "") -> Response:
    caller.allow("operate")
    await review(parts, caller.tenant, remedy_id, approved=False, reason=reason)
    return RedirectResponse("/drift", status_code=303)


@router.get("/jobs")
async def job_list(request: Request, parts: Parts, caller: Visitor) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        rows = await jobs.newest(session, caller.tenant, SHOWN)
    shown = [(row, line([(step, loss) for step, loss in row.losses])) for row in rows]
    return page(request, "jobs", caller, {"jobs": shown})


@router.get("/rollouts")
async def rollout_list(request: Request, parts: Parts, caller: Visitor) -> HTMLResponse:
    found = await parts.registry.list_rollouts(caller.tenant)
    shown = []
    for number, rollout in enumerate(found):
        if number >= SHOWN and rollout.stage in ENDED:
            continue  # what is under way, or in production, is shown however old it is
        fields = fields_of(rollout)
        gate = fields.pop("gate_json")
        shown.append(fields | {"gate": json.loads(gate) if gate else None})
    return page(request, "rollouts", caller, {"rollouts": shown})


@router.post("/rollouts/{rollout_id}/promote")
async def promote(rollout_id: UUID, parts: Parts, caller: Acting, reason: Reason = "") -> Response:
    caller.allow("operate")
    request = pb.PromoteRequest(rollout_id=str(rollout_id), by=BY, reason=reason)
    await parts.registry.promote(caller.tenant, request)
    return RedirectResponse("/rollouts", status_code=303)


@router.post("/rollouts/{rollout_id}/rollback")
async def roll_back(
    rollout_id: UUID, parts: Parts, caller: Acting, reason: Reason = ""
) -> Response:
    caller.allow("operate")
    request = pb.RollbackRequest(rollout_id=str(rollout_id), by=BY, reason=reason)
    await parts.registry.roll_back(caller.tenant, request)
    return RedirectResponse("/rollouts", status_code=303)
