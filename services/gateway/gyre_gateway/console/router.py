"""All of the console; its errors are pages, not JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from gyre_gateway.console import forms, live, loop_pages, pages, sure_pages
from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import COOKIE, remember, visitor
from gyre_gateway.gateway import gateway_of
from gyre_gateway.openai_wire.errors import Problem, problem_of
from gyre_service.errors import ServiceError, Unauthenticated

WRITTEN = ("question", "edited_answer", "comment", "reason")  # by a person
OPEN = ("/login", "/logout", "/console/")


class PageRoute(APIRoute):
    """Shows an error as a page, and who is not signed in the login; who looks stays signed in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                if request.method == "POST" and request.url.path != "/login":
                    # FastAPI parses a form before it asks who sent it.
                    await visitor(request, gateway_of(request))
                answer = await handle(request)
            except Unauthenticated:
                return RedirectResponse("/login", status_code=303)
            except RequestValidationError as error:
                first = error.errors()[0]
                message = f"{first['loc'][-1]}: {first['msg']}"
                return await _error_page(request, Problem(400, message))
            except ServiceError as error:
                retry_after_s = gateway_of(request).settings.retry_after_s
                return await _error_page(request, problem_of(error, retry_after_s))
            # A tab that looks by itself would keep its key for ever.
            if not request.url.path.startswith(OPEN) and "x-live" not in request.headers:
                remember(answer, request, request.cookies[COOKIE])
            return answer

        return shown


async def _error_page(request: Request, problem: Problem) -> Response:
    """Return what went wrong, with what was written: a browser has it no longer."""
    values: dict[str, Any] = {"message": problem.message}
    try:
        caller = await visitor(request, gateway_of(request))
    except ServiceError:
        caller = None
    if caller and request.method == "POST" and problem.status != 403:
        form = await request.form()  # it was parsed before anything else could fail
        texts = {name: text for name, text in form.items() if isinstance(text, str)}
        if len(texts) == len(form):  # files would have to be chosen again
            texts.pop("csrf", None)
            values |= {"written": texts, "read": [name for name in WRITTEN if name in texts]}
    return page(request, "error", caller, values, problem.status, problem.headers)


def console() -> APIRouter:
    """Return every page and form."""
    router = APIRouter(route_class=PageRoute)
    for part in (forms.router, live.router, pages.router, loop_pages.router, sure_pages.router):
        for route in part.routes:
            assert isinstance(route, APIRoute)
            router.add_api_route(
                route.path, route.endpoint, methods=list(route.methods or []), response_model=None
            )
    return router
