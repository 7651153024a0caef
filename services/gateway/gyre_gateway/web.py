"""The web application: its routers, and what surrounds them."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from gyre_gateway.api import (
    adapters,
    answers,
    baselines,
    chat,
    completions,
    datasets,
    documents,
    drift,
    embeddings,
    events,
    feedback,
    jobs,
    models,
    rollouts,
    routes,
    suites,
)
from gyre_gateway.gateway import Gateway
from gyre_gateway.openai_wire.errors import ErrorBody, Problem, param_of, problem_of
from gyre_gateway.perimeter import Authenticated, Bounded, Observed, response_to, span_details
from gyre_service.errors import ServiceError

API: tuple[APIRouter, ...] = (
    models.router,
    chat.router,
    completions.router,
    embeddings.router,
    answers.router,
    documents.router,
    feedback.router,
    datasets.router,
    routes.router,
    suites.router,
    baselines.router,
    drift.router,
    jobs.router,
    rollouts.router,
    adapters.router,
    events.router,
)
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 408, 413, 429, 500, 503, 504)
}

OURS = "#/components/schemas/ErrorBody"


def make_web(gateway: Gateway, pages: tuple[APIRouter, ...] = ()) -> ASGIApp:
    """Return the application over the parts of a gateway.

    Args:
        gateway: Its parts, on `app.state.gateway`.
        pages: Routers outside `/v1`, where nobody has asked for a key yet: the console's.
    """
    app = FastAPI(title="Gyre", version="1", docs_url=None, redoc_url=None)
    app.state.gateway = gateway
    for router in API:
        app.include_router(router, responses=ERRORS)
    for router in pages:
        app.include_router(router, include_in_schema=False)
    _handle_errors(app)
    _describe(app)
    guarded = Bounded(Authenticated(app, lambda: gateway), lambda: gateway)
    return OpenTelemetryMiddleware(
        Observed(guarded), default_span_details=span_details, exclude_spans=["receive", "send"]
    )


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(ServiceError)
    async def ours(request: Request, error: ServiceError) -> Response:
        settings = request.app.state.gateway.settings
        return response_to(problem_of(error, settings.retry_after_s), request.scope)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        param = param_of(tuple(first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        return response_to(
            Problem(400, f"{param or first['loc'][0]}: {message}", param), request.scope
        )

    @app.exception_handler(HTTPException)
    async def theirs(request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code in (404, 405):
            message = f"{request.method} {request.url.path} does not exist"
        headers = dict(error.headers or {})
        return response_to(Problem(error.status_code, message, headers=headers), request.scope)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        # Starlette raises it again for the log; a client learns nothing of the inside.
        return response_to(Problem(500, "internal error: see the gateway's log"), request.scope)


def _describe(app: FastAPI) -> None:
    """Say 400 where FastAPI says 422: that is what a client gets."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            for operations in schema["paths"].values():
                for operation in operations.values():
                    if OURS not in str(operation["responses"].get("422")):
                        operation["responses"].pop("422", None)
            for unused in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(unused, None)
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]
