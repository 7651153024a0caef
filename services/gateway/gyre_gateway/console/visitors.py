"""Who looks at the console: an API key in a cookie that no script reads."""

import hashlib
import hmac
from secrets import token_hex
from typing import Annotated

from fastapi import Depends, Form, Request, Response

from gyre_gateway.access import Caller
from gyre_gateway.gateway import Parts
from gyre_service.errors import Forbidden, Unauthenticated

COOKIE = "gyre-key"
SESSION = "gyre-session"  # who of those who have the key
SIGNED_IN_S = 12 * 3600  # without a look at anything


def csrf_of(key: str, pepper: str) -> str:
    """Return what every form of this visitor carries, and no other site can know."""
    return hmac.new(pepper.encode(), f"csrf:{key}".encode(), hashlib.sha256).hexdigest()


def remember(response: Response, request: Request, key: str) -> None:
    """Let who looks stay signed in from now on."""
    session = request.cookies.get(SESSION) or token_hex(16)
    for name, value in ((COOKIE, key), (SESSION, session)):
        response.set_cookie(
            name,
            value,
            max_age=SIGNED_IN_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )


def forget(response: Response) -> None:
    for name in (COOKIE, SESSION):
        response.delete_cookie(name)


async def visitor(request: Request, parts: Parts) -> Caller:
    """Return who looks.

    Raises:
        Unauthenticated: Nobody we know: the login page is next.
        Overloaded: As many requests of this tenant are being answered as may be.
    """
    key = request.cookies.get(COOKIE)
    if not key:
        raise Unauthenticated("sign in with an API key")
    caller = await parts.callers.caller_of(key)
    caller.allow("operate")
    if place := getattr(request.state, "place", None):  # what stays open has none
        place.belongs_to(caller.tenant)
    return caller


Visitor = Annotated[Caller, Depends(visitor)]


async def acting(parts: Parts, caller: Visitor, csrf: Annotated[str, Form()] = "") -> Caller:
    """Return who sent a form of ours.

    Raises:
        Forbidden: The form is another site's, or older than the pepper.
    """
    if not hmac.compare_digest(csrf, csrf_of(caller.key, parts.pepper)):
        raise Forbidden("this form is not from this console: load the page again")
    return caller


Acting = Annotated[Caller, Depends(acting)]
