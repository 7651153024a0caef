"""API keys: `<prefix>.<secret>`, known to services only as a keyed hash."""

import hashlib
import hmac

from gyre_events import ApiKeyChanged
from gyre_service.errors import Forbidden, Unauthenticated
from gyre_service.ids import now


def key_hash(key: str, pepper: str) -> str:
    """Return HMAC-SHA-256 of `key` under the stack's `pepper`, hexadecimal (RFC 2104)."""
    return hmac.new(pepper.encode(), key.encode(), hashlib.sha256).hexdigest()


def key_id(key: str, pepper: str) -> str:
    """Return the public name of a key: random to whoever lacks the pepper."""
    return "key-" + key_hash(key, pepper)[:16]


def bearer(authorization: str | None) -> str:
    """Return the key of an `Authorization` header.

    Raises:
        Unauthenticated: There is none.

    >>> bearer("Bearer local")
    'local'
    """
    scheme, _, key = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("no API key: send `Authorization: Bearer <key>`")
    return key.strip()


def check(key: ApiKeyChanged, scope: str) -> None:
    """Let a known key pass, if it may.

    Raises:
        Unauthenticated: It was revoked, or has expired.
        Forbidden: It lacks `scope`.
    """
    if key.revoked or (key.expires_at is not None and key.expires_at <= now()):
        raise Unauthenticated("this API key was revoked or has expired")
    if scope not in key.scopes:
        raise Forbidden(f"this API key lacks the scope {scope!r}: it has {', '.join(key.scopes)}")
