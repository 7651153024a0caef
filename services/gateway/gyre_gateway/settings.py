"""What the gateway needs to start."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from gyre_service.settings import Seconds, ServiceSettings

TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MIB = 1024 * 1024


def parse_keys(text: str) -> dict[str, str]:
    """Return the tenant of each key of `KEY:TENANT,KEY:TENANT`.

    Raises:
        ValueError: An entry has another form, or a key is there twice.

    >>> parse_keys("local:default, other:acme")
    {'local': 'default', 'other': 'acme'}
    """
    keys: dict[str, str] = {}
    for number, entry in enumerate(text.split(","), 1):
        key, _, tenant = entry.strip().rpartition(":")
        if not key.isascii() or not key.isprintable() or not key or " " in key:
            raise ValueError(f"entry {number}: expected KEY:TENANT, the key printable ASCII")
        if not TENANT.fullmatch(tenant):
            # Not what stands there: who takes one for the other has written a key.
            raise ValueError(f"entry {number}: expected a tenant of a-z, 0-9 and - after the key")
        if key in keys:
            raise ValueError(f"entry {number}: this key is there twice")
        keys[key] = tenant
    return keys


class Settings(ServiceSettings):
    """The gateway's own beside what every service has."""

    service: str = "gateway"
    api_keys: SecretStr = SecretStr("")  # all keys that are valid, KEY:TENANT,...; empty: no change
    inference_deadline_s: Seconds = 300
    evaluation_deadline_s: Seconds = 3600
    call_deadline_s: Seconds = 30  # of every other call
    max_document_bytes: Annotated[int, Field(ge=1)] = 200_000_000  # ingestion's limit too
    max_body_bytes: Annotated[int, Field(ge=1024)] = 4 * MIB  # of everything but an upload
    inline_bytes: Annotated[int, Field(ge=0, le=512 * 1024)] = 512 * 1024  # more goes to a blob
    max_concurrent_requests: Annotated[int, Field(ge=1)] = 128  # half of them a tenant's
    max_live_clients: Annotated[int, Field(ge=1)] = 64  # half of them a tenant's
    max_lag: Annotated[int, Field(ge=1)] = 10_000  # records before a service that takes more
    retry_after_s: Annotated[int, Field(ge=1)] = 2  # told to whom we turn away
    trusted_proxies: str = "127.0.0.1,::1"  # whose X-Forwarded-Proto is believed; *: anybody's
    poll_s: Seconds = 1  # how often the change table is looked at
    heartbeat_s: Seconds = 15  # of a quiet live stream

    @field_validator("api_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            parse_keys(value.get_secret_value())
        return value

    @property
    def tenants_by_key(self) -> dict[str, str]:
        """The tenant of each key that is to be valid; empty: nothing was said."""
        text = self.api_keys.get_secret_value()
        return parse_keys(text) if text else {}
