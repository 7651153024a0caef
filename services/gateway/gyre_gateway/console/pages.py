"""What people look at."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import Visitor
from gyre_gateway.gateway import Parts
from gyre_gateway.naming import models_of
from gyre_gateway.store import answers, documents, examples
from gyre_gateway.views import whole_answer, with_judgements
from gyre_service.database import snapshot

router = APIRouter()
SHOWN = 50
After = Annotated[UUID | None, Query()]


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
    request: Request, parts: Parts, caller: Visitor, after: After = None
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        rows = await documents.page(session, caller.tenant, SHOWN + 1, after=after)
    values = {"documents": rows[:SHOWN], "more": rows[SHOWN - 1] if len(rows) > SHOWN else None}
    return page(request, "documents", caller, values)


@router.get("/answers")
async def answer_list(
    request: Request, parts: Parts, caller: Visitor, after: After = None
) -> HTMLResponse:
    async with snapshot(parts.sessions) as session:
        rows = await answers.page(session, caller.tenant, SHOWN + 1, after=after)
        shown = await with_judgements(session, caller.tenant, rows[:SHOWN])
    more = rows[SHOWN - 1] if len(rows) > SHOWN else None
    values = {
        "answers": shown,
        "more": more,
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
