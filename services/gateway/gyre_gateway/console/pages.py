"""What people look at."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import Visitor
from gyre_gateway.gateway import Parts
from gyre_gateway.naming import models_of
from gyre_gateway.people import pseudonym
from gyre_gateway.store import answers, documents, examples
from gyre_gateway.views import whole_answer, with_judgements
from gyre_service.database import snapshot

router = APIRouter()
SHOWN = 50
After = Annotated[UUID | None, Query()]
# A form sends a field that is left empty as well.
Filled = BeforeValidator(lambda value: value or None)
Text = Annotated[str | None, Filled, Query()]
Id = Annotated[UUID | None, Filled, Query()]
Status = Annotated[Literal["submitted", "indexed", "rejected", "removed"] | None, Filled, Query()]


def _older(last: UUID | None, filters: Mapping[str, object]) -> str:
    """Return the query of the page that follows `last`, or "" if none does."""
    kept = {name: value for name, value in filters.items() if value}
    return "" if last is None else urlencode(kept | {"after": last})


@router.get("/")
async def overview(request: Request, parts: Parts, caller: Visitor) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        rows = await answers.page(session, caller.tenant, 8)
        latest = await with_judgements(session, caller.tenant, rows)
    values = {
        "figures": await parts.counting.of(caller.tenant),
        "answers": latest,
        "models": models_of(parts.rollouts, caller.tenant),
    }
    return page(request, "overview", caller, values)


@router.get("/documents")
async def document_list(
    request: Request,
    parts: Parts,
    caller: Visitor,
    collection: Text = None,
    status: Status = None,
    after: After = None,
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        rows = await documents.page(
            session, caller.tenant, SHOWN + 1, collection=collection, status=status, after=after
        )
    filters = {"collection": collection, "status": status}
    last = rows[SHOWN - 1].document_id if len(rows) > SHOWN else None
    values = {
        "documents": rows[:SHOWN],
        "older": _older(last, filters),
        "filters": filters,
        "statuses": ("submitted", "indexed", "rejected", "removed"),
    }
    return page(request, "documents", caller, values)


@router.get("/answers")
async def answer_list(
    request: Request,
    parts: Parts,
    caller: Visitor,
    route: Text = None,
    person: Text = None,
    conversation: Id = None,
    after: After = None,
) -> HTMLResponse:
    persons = [person, pseudonym(person, caller.tenant, parts.pepper)] if person else None
    async with snapshot(parts.sessions) as session:
        rows = await answers.page(
            session,
            caller.tenant,
            SHOWN + 1,
            route=route,
            persons=persons,
            conversation_id=conversation,
            after=after,
        )
        shown = await with_judgements(session, caller.tenant, rows[:SHOWN])
    filters = {"route": route, "person": person, "conversation": conversation}
    last = rows[SHOWN - 1].answer_id if len(rows) > SHOWN else None
    values = {
        "answers": shown,
        "older": _older(last, filters),
        "filters": filters,
        "models": models_of(parts.rollouts, caller.tenant),
    }
    return page(request, "answers", caller, values)


@router.get("/answers/{answer_id}")
async def one_answer(
    request: Request, answer_id: UUID, parts: Parts, caller: Visitor
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        answer = await whole_answer(session, caller.tenant, answer_id)
    if answer is None:
        # An answer is given before its event has come round: the page waits for it, live.
        return page(request, "awaited", caller, {"answer_id": answer_id}, 404)
    return page(request, "answer", caller, {"answer": answer})


@router.get("/answers/{answer_id}/lineage")
async def one_lineage(
    request: Request, answer_id: UUID, parts: Parts, caller: Visitor
) -> HTMLResponse:
    found = json.loads(await parts.registry.lineage(caller.tenant, str(answer_id)))
    lineage = json.dumps(found, indent=2, ensure_ascii=False)
    return page(request, "lineage", caller, {"answer_id": answer_id, "lineage": lineage})


@router.get("/datasets")
async def dataset_list(
    request: Request,
    parts: Parts,
    caller: Visitor,
    route: str | None = None,
    after: After = None,
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        found = await examples.datasets(session, caller.tenant)
        found = [one for one in found if route is None or one.route == route]
        # One is the first of the next page: it says that there is one.
        rows = {
            one.route: await examples.newest(session, caller.tenant, one.route, SHOWN + 1, after)
            for one in found
        }
    values = {"datasets": found, "examples": rows, "shown": SHOWN, "after": after}
    return page(request, "datasets", caller, values)


@router.get("/routes")
async def route_list(request: Request, parts: Parts, caller: Visitor) -> HTMLResponse:
    models = models_of(parts.rollouts, caller.tenant)
    return page(request, "routes", caller, {"models": models})
