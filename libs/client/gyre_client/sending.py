"""Sends calls, in both colours. Decisions are in `attempts`, what is sent in `calls`."""

import asyncio
import time
from importlib.metadata import version
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from gyre_client.address import Address
from gyre_client.attempts import Attempts
from gyre_client.calls import Call
from gyre_client.errors import GyreError

T = TypeVar("T")
CONNECT_S = 5.0


def options(address: Address, timeout_s: float) -> dict[str, Any]:
    """Return the arguments of an httpx client for `address`."""
    return {
        "base_url": address.url,
        "timeout": httpx.Timeout(timeout_s, connect=CONNECT_S),
        "headers": {
            "Authorization": f"Bearer {address.key}",
            "User-Agent": f"gyre-client/{version('gyre-client')}",
        },
        # A proxy in the environment is never meant for this very machine.
        "trust_env": not address.is_loopback,
    }


def _request(http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    try:
        return http.build_request(**call.request())
    except ValueError as error:  # text that is no Unicode (a file's name), a number that is none
        raise GyreError(f"{call.method} {call.path} cannot be sent: {error}") from error


def send(http: httpx.Client, call: Call, retries: int, stream: bool = False) -> httpx.Response:
    """Return the response to `call`, a success; unread if it is to be streamed.

    Raises:
        GyreError: Refused, or unreachable, and not worth another attempt.
    """
    attempts = Attempts(str(http.base_url).rstrip("/"), retries)
    # One request for all attempts: the same bytes, so that one key never has two bodies.
    request = _request(http, call)
    while True:
        try:
            response = http.send(request, stream=stream)
            if response.is_success:
                return response
            response.read()
        except httpx.TransportError as error:
            pause_s = attempts.after_silence(error)
        else:
            response.close()
            pause_s = attempts.after_refusal(response)
        time.sleep(pause_s)


async def send_async(
    http: httpx.AsyncClient, call: Call, retries: int, stream: bool = False
) -> httpx.Response:
    """Do as `send` does."""
    attempts = Attempts(str(http.base_url).rstrip("/"), retries)
    request = _request(http, call)
    while True:
        try:
            response = await http.send(request, stream=stream)
            if response.is_success:
                return response
            await response.aread()
        except httpx.TransportError as error:
            pause_s = attempts.after_silence(error)
        else:
            await response.aclose()
            pause_s = attempts.after_refusal(response)
        await asyncio.sleep(pause_s)


def read(kind: type[T], response: httpx.Response) -> T:
    """Return the body of `response` as `kind`.

    Raises:
        GyreError: It is something else: another program answers there, or another version.
    """
    try:
        return TypeAdapter(kind).validate_json(response.content)
    except ValidationError as error:
        raise GyreError(
            f"{response.request.method} {response.url} answered something else than Gyre's API "
            f"says: {_first(error)}",
            status=response.status_code,
            request_id=response.headers.get("x-request-id"),
        ) from error


def parsed(kind: type[T], value: object, where: str) -> T:
    """Return a part of a stream as `kind`; raises as `read` does."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise GyreError(f"{where} is not what Gyre's API says: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in wrong["loc"])
    return f"{place}: {wrong['msg']}" if place else wrong["msg"]
