"""All of the console; its errors are pages, not JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from gyre_gateway.console import forms, live, loop_pages, pages, sure_pages
from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import visitor
from gyre_gateway.gateway import gateway_of
from gyre_gateway.openai_wire.errors import problem_of
from gyre_service.errors import ServiceError, Unauthenticated


class PageRoute(APIRoute):
    """Shows an error as a page, and who is not signed in the login."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                if request.method == "POST" and request.url.path != "/login":
                    # FastAPI parses a form before it asks who sent it.
                    await visitor(request, gateway_of(request))
                return await handle(request)
            except Unauthenticated:
                return RedirectResponse("/login", status_code=303)
            except RequestValidationError as error:
                first = error.errors()[0]
                message = f"{first['loc'][-1]}: {first['msg']}"
                return page(request, "error", None, {"message": message}, 400)
            except ServiceError as error:
                problem = problem_of(error, 2)
                return page(request, "error", None, {"message": str(error)}, problem.status)

        return shown


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
