"""What only an HTTP edge has to tell apart; every other error is gyre_service's."""

from typing import ClassVar

from gyre_service.errors import AlreadyExists, NotFound, Rejected, ServiceError, Unavailable


class ModelNotFound(NotFound):
    """No route has the model's name."""


class KeyReused(AlreadyExists):
    """An Idempotency-Key came again with another body, or when its answer is not kept any more."""


class StillRunning(Rejected):
    """A request with this Idempotency-Key is being answered now."""

    code: ClassVar[str] = "ABORTED"


class TooLarge(Rejected):
    """The body is over the limit."""


class Cancelled(ServiceError):
    """The call was cancelled, here or there."""

    code: ClassVar[str] = "CANCELLED"


class DeadlineExceeded(Unavailable):
    """A service did not answer in the time it was given."""

    code: ClassVar[str] = "DEADLINE_EXCEEDED"


class Unimplemented(ServiceError):
    """A service lacks the method: it is older than we are."""

    code: ClassVar[str] = "UNIMPLEMENTED"
