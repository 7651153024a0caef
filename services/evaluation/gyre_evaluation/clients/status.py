"""What another service's status means to us."""

import grpc
from grpc import aio

from gyre_service import errors

_MEANING: dict[grpc.StatusCode, type[errors.ServiceError]] = {
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Overloaded,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.INVALID_ARGUMENT: errors.Rejected,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Rejected,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.Forbidden,
}


def meaning(error: aio.AioRpcError, peer: str) -> errors.ServiceError:
    """Return our error for the status of a call to `peer`; unplanned ones stay a bug."""
    kind = _MEANING.get(error.code(), errors.ServiceError)
    return kind(f"{peer}: {error.details() or error.code().name}")
