"""What happens to every request before its endpoint sees it, as plain ASGI.

Not Starlette's middleware base class: that one buffers what streams and hides disconnects.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter

from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gyre_gateway.gateway import Gateway
from gyre_gateway.openai_wire.errors import Problem, problem_of
from gyre_service.errors import Overloaded, ServiceError
from gyre_service.ids import new_id
from gyre_service.keys import bearer

LIVE = ("/v1/events", "/console/events")  # stay open, and have a limit of their own
API = "/v1/"
UPLOADS = ("/v1/documents", "/v1/adapters", "/documents")
MULTIPART_OVERHEAD = 1024 * 1024
DURATION = Histogram(
    "gyre_http_duration_seconds", "Time to the end of an answer", ["method", "route", "status"]
)
log = logging.getLogger(__name__)


def response_to(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.body, problem.status, problem.headers)


class Observed:
    """Names, times and logs every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id, start, status = str(new_id()), perf_counter(), 499
        scope.setdefault("state", {})["request_id"] = request_id

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, named)
        finally:
            seconds = perf_counter() - start
            route = getattr(scope.get("route"), "path", "none")
            DURATION.labels(scope["method"], route, status).observe(seconds)
            log.info(
                "%s %s %s in %.3f s, request %s",
                scope["method"],
                scope["path"],
                status,
                seconds,
                request_id,
            )


class Bounded:
    """Lets in only so many requests at once, and only so many bytes of each."""

    def __init__(self, app: ASGIApp, gateway: Callable[[], Gateway]) -> None:
        self.app = app
        self.gateway = gateway
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        settings = self.gateway().settings
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            # No text of a database has it: PostgreSQL would refuse to look for one.
            problem = Problem(400, "the address has the character U+0000: leave it out")
            return await response_to(problem)(scope, receive, send)
        with ExitStack() as stack:
            if scope["path"] not in LIVE:
                if self.running >= settings.max_concurrent_requests:
                    error = Overloaded(f"{self.running} requests are being answered: come back")
                    problem = problem_of(error, settings.retry_after_s)
                    return await response_to(problem)(scope, receive, send)
                self.running += 1
                stack.callback(self._left)
            limit = self._limit(scope)
            length = Headers(scope=scope).get("content-length", "")
            if length.isdecimal() and int(length) > limit:
                problem = _too_large(limit)
                return await response_to(problem)(scope, receive, send)
            return await self.app(scope, _counted(receive, limit), send)

    def _left(self) -> None:
        self.running -= 1

    def _limit(self, scope: Scope) -> int:
        settings = self.gateway().settings
        kind = Headers(scope=scope).get("content-type", "")
        if scope["path"] in UPLOADS and kind.startswith("multipart/form-data"):
            return settings.max_document_bytes + MULTIPART_OVERHEAD
        return settings.max_body_bytes


def _too_large(limit: int) -> Problem:
    hint = "" if limit > MULTIPART_OVERHEAD * 16 else "; send a large document as multipart"
    return Problem(413, f"the body has more than {limit} bytes{hint}", None, "request_too_large")


def _counted(receive: Receive, limit: int) -> Receive:
    count = 0

    async def counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > limit:
            raise HTTPException(413, _too_large(limit).message)
        return message

    return counted


class Authenticated:
    """Lets nobody without a key into the API, and reads no body before."""

    def __init__(self, app: ASGIApp, gateway: Callable[[], Gateway]) -> None:
        self.app = app
        self.gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(API):
            gateway = self.gateway()
            try:
                key = bearer(Headers(scope=scope).get("authorization"))
                caller = await gateway.callers.caller_of(key)
            except ServiceError as error:
                problem = problem_of(error, gateway.settings.retry_after_s)
                return await response_to(problem)(scope, receive, send)
            scope.setdefault("state", {})["caller"] = caller
        return await self.app(scope, receive, send)
