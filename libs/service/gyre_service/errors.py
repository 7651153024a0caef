"""Every error a service raises on purpose.

* ServiceError          a bug until proven otherwise
  + Rejected            the input is wrong; trying again cannot help
    - NotFound
    - Unauthenticated
    - Forbidden
    - AlreadyExists
  + Conflict            another process was faster; the next attempt sees what it wrote
  + Unavailable         something we need is away; try again later
    - Overloaded
"""

from typing import ClassVar

__all__ = [
    "AlreadyExists",
    "Conflict",
    "Forbidden",
    "NotFound",
    "Overloaded",
    "Rejected",
    "ServiceError",
    "Unauthenticated",
    "Unavailable",
]


class ServiceError(Exception):
    """Base of the tree. Raise a subclass; catch this one only at an edge.

    Args:
        message: What was wrong and what would be right.
        param: The field of the request that was wrong, if it is one.
    """

    retryable: ClassVar[bool] = False
    code: ClassVar[str] = "INTERNAL"  # a grpc.StatusCode name

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class Rejected(ServiceError):
    """The caller sent something we will never accept."""

    code = "INVALID_ARGUMENT"


class NotFound(Rejected):
    """The named thing does not exist."""

    code = "NOT_FOUND"


class Unauthenticated(Rejected):
    """Who asks is not known."""

    code = "UNAUTHENTICATED"


class Forbidden(Rejected):
    """Who asks is known and may not."""

    code = "PERMISSION_DENIED"


class AlreadyExists(Rejected):
    """The id was used for something else."""

    code = "ALREADY_EXISTS"


class Conflict(ServiceError):
    """Another process wrote the same new row. Who meets it in every attempt has a bug."""

    retryable = True
    code = "ABORTED"


class Unavailable(ServiceError):
    """A dependency is away. The same call may succeed later.

    Args:
        message: What is away.
        param: As of every error.
        after_s: How long it will be away at least, if we know.
    """

    retryable = True
    code = "UNAVAILABLE"

    def __init__(
        self, message: str, *, param: str | None = None, after_s: float | None = None
    ) -> None:
        super().__init__(message, param=param)
        self.after_s = after_s


class Overloaded(Unavailable):
    """We are at our limit. Callers should back off."""

    code = "RESOURCE_EXHAUSTED"
