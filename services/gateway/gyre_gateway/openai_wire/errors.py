"""OpenAI's shape of an error, and which of ours has which status, type and code."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

from gyre_gateway.errors import KeyReused, ModelNotFound, StillRunning, TooLarge
from gyre_gateway.openai_wire.base import Shown
from gyre_service.errors import ServiceError, Unavailable

# gRPC's status to HTTP's (the table of google.rpc.Code, and nginx's 499).
STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
CODES = {
    401: "invalid_api_key",
    403: "insufficient_scope",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "request_too_large",
    422: "idempotency_key_reused",
    429: "rate_limit_exceeded",
}
OF_CLASS: dict[type[ServiceError], tuple[int, str | None]] = {
    ModelNotFound: (404, "model_not_found"),
    KeyReused: (422, "idempotency_key_reused"),
    StillRunning: (409, "idempotency_key_in_use"),
    TooLarge: (413, "request_too_large"),
}
# What is over soon says when to come back: an answer that is being given, or one of two writers.
RETRY = ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED")


class ErrorDetail(Shown):
    """What was wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(Shown):
    """The body of every answer that is an error."""

    error: ErrorDetail


# What an endpoint that takes an Idempotency-Key may answer beside.
REPEATED: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "The first request with this key is running"},
    422: {
        "model": ErrorBody,
        "description": "The key was used for something else, or too long ago",
    },
}


@dataclass(frozen=True)
class Problem:
    """An error as HTTP says it."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        detail = ErrorDetail(
            message=self.message,
            type=_type(self.status),
            param=self.param,
            code=self.code or CODES.get(self.status),
        )
        return ErrorBody(error=detail).model_dump()


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_exceeded"
    return "server_error" if status >= 500 else "invalid_request_error"


def problem_of(error: ServiceError, retry_after_s: int) -> Problem:
    """Return how HTTP says `error`.

    >>> problem_of(ModelNotFound("no route 'x'"), 2).body["error"]["code"]
    'model_not_found'
    """
    status, code = OF_CLASS.get(type(error), (STATUS.get(error.code, 500), None))
    known_s = error.after_s if isinstance(error, Unavailable) else None
    after_s = retry_after_s if known_s is None else ceil(known_s)
    headers = {"retry-after": str(after_s)} if error.code in RETRY else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Problem(status, str(error), error.param, code, headers)


def param_of(location: tuple[int | str, ...]) -> str | None:
    """Return pydantic's location of an error as OpenAI names a parameter.

    >>> param_of(("body", "messages", 0, "content", "list[TextPart]", 1, "type"))
    'messages[0].content[1].type'
    >>> param_of(("body", 37)) is None  # where the body stops being JSON
    True
    """
    name = ""
    for part in location[1:]:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part not in ("str", "int", "float", "bool") and "[" not in part:  # no union's branch
            name += f".{part}" if name else part
    return None if name.startswith("[") else name or None
