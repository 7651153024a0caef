"""What goes wrong between a program and Gyre, in words a person can act on."""

__all__ = ["BrokenOff", "GyreError", "NotSettled", "Unreachable"]


class GyreError(Exception):
    """Gyre refused, or could not do, what was asked.

    Attributes:
        message: What was wrong, in Gyre's words.
        status: HTTP status; None when there was no answer.
        param: The field at fault, if one is.
        type: OpenAI's error type, as `invalid_request_error`.
        code: OpenAI's error code, as `invalid_api_key`.
        request_id: What to search the server's logs for.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        param: str | None = None,
        type: str | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.type = type
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} ({self.param})" if self._names_more else self.message

    @property
    def _names_more(self) -> bool:
        return bool(self.param) and str(self.param) not in self.message


class Unreachable(GyreError):
    """Nothing answers at the address."""


class BrokenOff(GyreError):
    """A stream ended before its last part: what came so far is not the whole."""


class NotSettled(GyreError):
    """A document was accepted, but within the time given neither indexed nor rejected."""
