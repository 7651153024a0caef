from typing import Any

import httpx
import pytest

from gyre_client import Gyre, GyreError, Unreachable
from gyre_client.attempts import Attempts

OVERLOADED = {"message": "64 requests are being answered", "type": "rate_limit_exceeded"}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_gyre_is_asked_again_with_the_same_key(fake: Any, status: int) -> None:
    fake.refuse(status, OVERLOADED, retry_after="0")

    with Gyre() as gyre:
        gyre.submit("a.md", b"a")

    first, second = fake.requests
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"]
    assert first["body"] == second["body"]


def test_two_requests_have_two_keys(fake: Any) -> None:
    with Gyre() as gyre:
        gyre.submit("a.md", b"a")
        gyre.submit("a.md", b"b")

    keys = {request["headers"]["idempotency-key"] for request in fake.requests}
    assert len(keys) == 2


def test_it_gives_up_with_what_gyre_said(fake: Any) -> None:
    for _ in range(2):
        fake.refuse(429, {**OVERLOADED, "param": "model", "code": "full"}, x_request_id="r-1")

    with Gyre(retries=1) as gyre, pytest.raises(GyreError) as caught:
        gyre.feedback("a", thumb="up")

    error = caught.value
    assert str(error) == "64 requests are being answered (model)"
    assert (error.status, error.param, error.code) == (429, "model", "full")
    assert error.request_id == "r-1"
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    ("status", "headers"),
    [(400, {}), (404, {}), (409, {}), (422, {}), (500, {}), (429, {"x_should_retry": "false"})],
)
def test_what_cannot_help_is_not_tried_again(
    fake: Any, status: int, headers: dict[str, str]
) -> None:
    fake.refuse(status, {"message": "no"}, **headers)

    with Gyre() as gyre, pytest.raises(GyreError, match="no"):
        gyre.models()

    assert len(fake.requests) == 1


def refused(status: int, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, request=httpx.Request("GET", "http://gyre/v1"))


def test_it_waits_as_long_as_it_is_told() -> None:
    assert Attempts("", 1).after_refusal(refused(503, retry_after="7")) == 7
    assert Attempts("", 1).after_refusal(refused(503, retry_after_ms="7000")) == 7
    assert Attempts("", 1).after_refusal(refused(409, retry_after="7")) == 7
    # A date, or nothing: as long as it would anyway.
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert 0 < Attempts("", 1).after_refusal(refused(503, retry_after=date)) < 1
    with pytest.raises(GyreError, match="503"):
        Attempts("", 1).after_refusal(refused(503, retry_after="3600"))


def test_pauses_grow() -> None:
    attempts = Attempts("", 5)
    pauses = [attempts.after_silence(httpx.ConnectError("")) for _ in range(5)]

    assert pauses[-1] > 4 * pauses[0]
    with pytest.raises(Unreachable):
        attempts.after_silence(httpx.ConnectError(""))
