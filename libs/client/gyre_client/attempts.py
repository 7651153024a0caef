"""When a call that failed is tried again, and how long it waits. No network, no clock."""

import random
from dataclasses import dataclass

import httpx

from gyre_client.errors import GyreError, Unreachable

# 502 and 504 come from what stands in front of Gyre. A 409 is worth another attempt only
# when it says how long: the same Idempotency-Key is still being worked on.
AGAIN = (429, 502, 503, 504)
LONGEST_WAIT_S = 60.0
FIRST_PAUSE_S = 0.25


@dataclass
class Attempts:
    """Counts the attempts of one call; every method returns the seconds to wait, or raises."""

    url: str
    left: int
    pause_s: float = FIRST_PAUSE_S

    def after_silence(self, error: httpx.TransportError) -> float:
        """Decide what follows a call that got no response.

        Raises:
            Unreachable: No attempt is left, or the wait for a response was too long already.
        """
        if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
            raise Unreachable(f"Gyre at {self.url} did not answer in time") from error
        if self.left <= 0:
            raise Unreachable(
                f"Gyre does not answer at {self.url}: start it with `make up`, or set GYRE_URL"
            ) from error
        return self._next()

    def after_refusal(self, response: httpx.Response) -> float:
        """Decide what follows a response (already read) that is no success.

        Raises:
            GyreError: It is final, or no attempt is left, or the wait asked for is too long.
        """
        asked = _seconds(response)
        again = response.status_code in AGAIN or (response.status_code == 409 and asked is not None)
        if response.headers.get("x-should-retry", "").lower() == "false":
            again = False
        if not again or self.left <= 0 or (asked or 0) > LONGEST_WAIT_S:
            raise refusal(response)
        return max(asked or 0, self._next())

    def _next(self) -> float:
        self.left -= 1
        self.pause_s *= 2
        # Callers refused together must not come back together.
        return self.pause_s / 2 * random.uniform(0.75, 1.25)


def _seconds(response: httpx.Response) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(response.headers[name]) * unit)
        except (KeyError, ValueError):  # absent, or an HTTP date: we wait as we would anyway
            continue
    return None


def refusal(response: httpx.Response) -> GyreError:
    """Return the error in `response`, which has been read.

    Something else than Gyre may have answered (a proxy, another program on the port).
    """
    said = _json(response)
    return refused(
        said.get("error") if isinstance(said, dict) else None,
        otherwise=f"{response.url} answered {response.status_code} {response.reason_phrase}",
        status=response.status_code,
        request_id=response.headers.get("x-request-id"),
    )


def refused(
    error: object, otherwise: str, status: int | None = None, request_id: str | None = None
) -> GyreError:
    """Return `error`, the member of that name in a body or in a stream, as an exception."""
    parts = error if isinstance(error, dict) else {"message": error}
    text = {name: None if parts.get(name) is None else str(parts[name]) for name in parts}
    return GyreError(
        text.get("message") or otherwise,
        status=status,
        param=text.get("param"),
        type=text.get("type"),
        code=text.get("code"),
        request_id=request_id,
    )


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
