"""Ids that are the same when a request is repeated, made before Kafka is asked."""

import hashlib
import json
from uuid import UUID

from gyre_gateway.store import repeats
from gyre_service.database import Sessions, transaction
from gyre_service.ids import derived_id, new_id, now


async def event_id(
    sessions: Sessions,
    tenant: str,
    subject: str,
    key: str | None,
    body: object,
    earlier: object = None,
) -> UUID:
    """Return the id of the event, or of the rollout, that a request becomes.

    Args:
        sessions: Where keys are kept for 24 hours.
        tenant: Whose request it is.
        subject: documents, feedback or adapters.
        key: Its Idempotency-Key; without one every request is another.
        body: What was asked for, as JSON.
        earlier: The body as an earlier release kept it, whose keys may still be repeated.

    Raises:
        KeyReused: The key came with another body.
    """
    if key is None:
        return new_id()
    before = None if earlier is None else _fingerprint(earlier)
    async with transaction(sessions) as session:
        first = await repeats.claim(
            session, tenant, subject, key, _fingerprint(body), now(), before
        )
    # The body is part of it: a key that comes again after a day must not hide another body.
    return derived_id(tenant, subject, key, first)


def _fingerprint(body: object) -> str:
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
