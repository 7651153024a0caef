"""The one place where ids and the time come from."""

import json
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import uuid_utils.compat


def new_id() -> UUID:
    """Return an id that sorts by the time it was made (UUID version 7, RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()


def derived_id(*parts: object) -> UUID:
    """Return the same id for the same parts, always.

    >>> derived_id("acme", 1) == derived_id("acme", 1) != derived_id("acme", 2)
    True
    """
    # JSON, because a plain join lets one part imitate the seam between two.
    return uuid5(NAMESPACE_URL, json.dumps([str(part) for part in parts]))


def now() -> datetime:
    return datetime.now(UTC)


def utc(time: datetime) -> datetime:
    """Return a time as it was stored: SQLite forgets the zone."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
