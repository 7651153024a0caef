"""What happens to every request before its endpoint sees it, as plain ASGI.

Not Starlette's middleware base class: that one buffers what streams and hides disconnects.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic, perf_counter

from opentelemetry import trace
from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gyre_gateway.console.rendering import page
from gyre_gateway.gateway import Gateway
from gyre_gateway.openai_wire.errors import Problem, problem_of
from gyre_service.errors import Overloaded, ServiceError
from gyre_service.ids import new_id
from gyre_service.keys import bearer

LIVE = ("/v1/events", "/console/events")  # stay open, and have a limit of their own
API = "/v1/"
UPLOADS = ("/v1/documents", "/v1/adapters", "/documents")
LOGIN = "/login"  # anybody's: its body is read before we know whose it is
LOGIN_BYTES = 4096
MULTIPART_OVERHEAD = 1024 * 1024
# How long we wait for a body in all, beside what it takes at this many bytes a second.
BODY_WAIT_S = 20.0
SLOWEST = 16 * 1024
DURATION = Histogram(
    "gyre_http_duration_seconds",
    "Time to the end of an answer",
    ["method", "route", "status"],
    buckets=[0.01 * 2**doubled for doubled in range(16)],  # to 5 min, as long as an answer may take
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
log = logging.getLogger(__name__)


def response_to(problem: Problem, scope: Scope) -> Response:
    """Return `problem` as JSON, or to who looks at pages as one."""
    is_looking = "text/html" in Headers(scope=scope).get("accept", "")
    if is_looking and not scope["path"].startswith(API):
        said = {"message": problem.message}
        return page(Request(scope), "error", None, said, problem.status, problem.headers)
    return JSONResponse(problem.body, problem.status, problem.headers)


class Observed:
    """Names, times and logs every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id, start, status = str(new_id()), perf_counter(), 499
        span = trace.get_current_span()
        scope.setdefault("state", {})["request_id"] = request_id

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if route := _route_of(scope):  # known by now, and the span ends with the answer
                    span.update_name(f"{_method_of(scope)} {route}")
                    span.set_attribute("http.route", route)
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, named)
        finally:
            seconds = perf_counter() - start
            route = _route_of(scope) or "none"
            DURATION.labels(_method_of(scope), route, status).observe(seconds)
            log.info(
                "%s %s %s in %.3f s, request %s",
                scope["method"],
                scope["path"],
                status,
                seconds,
                request_id,
            )


def span_details(scope: Scope) -> tuple[str, dict[str, str]]:
    """Return how a request's span is called until its route is known: not by its path."""
    return _method_of(scope), {}


def _route_of(scope: Scope) -> str | None:
    return getattr(scope.get("route"), "path", None)


def _method_of(scope: Scope) -> str:
    """Return the method; a client may send any word, and a label must not have as many values."""
    return scope["method"] if scope["method"] in METHODS else "_OTHER"


class Place:
    """What a request takes of the gateway; whose it is shows when its key has been looked at."""

    def __init__(self, stack: ExitStack, held: Counter[str], most: int) -> None:
        self._stack = stack
        self._held = held
        self._most = most
        self._known = False

    def belongs_to(self, tenant: str) -> None:
        """Count it as one of a tenant's, until the request ends.

        Raises:
            Overloaded: The tenant has its share already.
        """
        if self._known:
            return
        if self._held[tenant] >= self._most:
            raise Overloaded(f"{self._most} requests of yours are being answered: come back")
        self._known = True
        self._held[tenant] += 1
        self._stack.callback(self._held.subtract, (tenant,))


class Bounded:
    """Lets in only so many requests at once, half of them a tenant's, and so many bytes of each."""

    def __init__(self, app: ASGIApp, gateway: Callable[[], Gateway]) -> None:
        self.app = app
        self.gateway = gateway
        self.running = 0
        self.held: Counter[str] = Counter()  # of the running ones, by tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        settings = self.gateway().settings
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            # No text of a database has it: PostgreSQL would refuse to look for one.
            problem = Problem(400, "the address has the character U+0000: leave it out")
            return await response_to(problem, scope)(scope, receive, send)
        with ExitStack() as stack:
            if scope["path"] not in LIVE:
                most = settings.max_concurrent_requests
                place = Place(stack, self.held, (most + 1) // 2)
                try:
                    if self.running >= most:
                        raise Overloaded(f"{most} requests are being answered: come back")
                    if scope["path"] == LOGIN:
                        place.belongs_to("")
                except Overloaded as error:
                    problem = problem_of(error, settings.retry_after_s)
                    return await response_to(problem, scope)(scope, receive, send)
                scope.setdefault("state", {})["place"] = place
                self.running += 1
                stack.callback(self._left)
            limit = self._limit(scope)
            length = Headers(scope=scope).get("content-length", "")
            if length.isdecimal() and int(length) > limit:
                problem = _too_large(limit)
                return await response_to(problem, scope)(scope, receive, send)
            return await self.app(scope, _counted(receive, limit), send)

    def _left(self) -> None:
        self.running -= 1

    def _limit(self, scope: Scope) -> int:
        settings = self.gateway().settings
        if scope["path"] == LOGIN:
            return LOGIN_BYTES
        kind = Headers(scope=scope).get("content-type", "")
        if scope["path"] in UPLOADS and kind.startswith("multipart/form-data"):
            return settings.max_document_bytes + MULTIPART_OVERHEAD
        return settings.max_body_bytes


def _too_large(limit: int) -> Problem:
    other = limit == LOGIN_BYTES or limit > MULTIPART_OVERHEAD * 16
    hint = "" if other else "; send a large document as multipart"
    return Problem(413, f"the body has more than {limit} bytes{hint}", None, "request_too_large")


def _counted(receive: Receive, limit: int) -> Receive:
    count, waited, whole = 0, 0.0, False

    async def counted() -> Message:
        nonlocal count, waited, whole
        if whole:  # what comes now is that the client has left
            return await receive()
        begin = monotonic()
        try:
            async with asyncio.timeout(max(0.0, BODY_WAIT_S + count / SLOWEST - waited)):
                message = await receive()
        except TimeoutError:
            error = f"the body came too slowly: {count} bytes, then no more in good time"
            raise HTTPException(408, error, {"connection": "close"}) from None
        waited += monotonic() - begin
        whole = not message.get("more_body", False)
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
                if scope["path"] not in LIVE:
                    scope["state"]["place"].belongs_to(caller.tenant)
            except ServiceError as error:
                problem = problem_of(error, gateway.settings.retry_after_s)
                return await response_to(problem, scope)(scope, receive, send)
            scope.setdefault("state", {})["caller"] = caller
        return await self.app(scope, receive, send)
