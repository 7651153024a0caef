"""Who asks, for which tenant, and what for."""

import hmac
from dataclasses import dataclass
from typing import Protocol

from gyre_events import ApiKeyChanged, Purpose
from gyre_service.errors import Forbidden, Rejected, Unauthenticated
from gyre_service.keys import bearer, check, key_hash, key_id

ASK, OPERATE = "ask", "operate"


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    tenant: str
    purpose: Purpose
    name: str  # the key's public name, or `service`
    may_pin: bool  # whether it may choose the adapter


class Keys(Protocol):
    def find(self, key: str) -> tuple[str, ApiKeyChanged] | None:
        """Return the key of that name with its tenant."""
        ...


class Access:
    """Knows keys from outside, and the one token of our own services.

    Args:
        keys: Every API key, by its public name.
        pepper: That the keys' hashes are made with.
        service_token: Of our own services; empty: none may call for a tenant.
    """

    def __init__(self, keys: Keys, pepper: str, service_token: str) -> None:
        self._keys = keys
        self._pepper = pepper
        self._service_token = service_token

    def caller(self, authorization: str | None, tenant: str | None, purpose: str | None) -> Caller:
        """Return who asks.

        Args:
            authorization: The header.
            tenant: Believed from our own services only.
            purpose: Believed from our own services only; from outside it is always live.

        Raises:
            Unauthenticated: The key is missing, unknown, revoked or expired.
            Forbidden: The key may not ask.
            Rejected: A service names no tenant, or a purpose that does not exist.
        """
        secret = bearer(authorization)
        if self._service_token and hmac.compare_digest(
            secret.encode(), self._service_token.encode()
        ):
            return _service(tenant, purpose)
        found = self._keys.find(key_id(secret, self._pepper))
        if found is None or not hmac.compare_digest(found[1].hash, key_hash(secret, self._pepper)):
            raise Unauthenticated("this API key is not known")
        owner, key = found
        check(key, ASK)
        if tenant is not None and tenant != owner:
            raise Forbidden("an API key asks for its own tenant: leave gyre-tenant out")
        return Caller(owner, Purpose.LIVE, key.key_id, may_pin=OPERATE in key.scopes)


def _service(tenant: str | None, purpose: str | None) -> Caller:
    if not tenant or "/" in tenant:
        raise Rejected("metadata gyre-tenant must name one tenant")
    try:
        why = Purpose(purpose or Purpose.LIVE)
    except ValueError as error:
        raise Rejected(
            f"metadata gyre-purpose is {purpose!r}, expected one of {', '.join(Purpose)}"
        ) from error
    return Caller(tenant, why, "service", may_pin=True)
