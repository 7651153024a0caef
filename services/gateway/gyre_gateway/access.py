"""Who asks: keys become rows and events at the start, and a tenant at every request."""

import asyncio
import logging
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from gyre_events import ApiKeyChanged
from gyre_gateway.settings import Settings
from gyre_gateway.store import keys
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Rejected, Unauthenticated
from gyre_service.ids import derived_id
from gyre_service.kafka import enqueue
from gyre_service.keys import check, key_hash, key_id

# A replica that starts with other keys may revoke one; reading it at each request took longer
# than all else we do before inference is asked. So it is read beside a request in good time.
KNOWN_S = 1.0
FRESH_S = 0.5
FIRST = {"local": "default"}  # of a database without any, where the settings name none

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    tenant: str
    row: ApiKeyChanged
    key: str = field(repr=False)  # as sent: inference is asked with it

    def allow(self, scope: str) -> None:
        """Let the request pass.

        Raises:
            Forbidden: The key lacks `scope`.
        """
        check(self.row, scope)


async def ensure_keys(sessions: Sessions, settings: Settings) -> None:
    """Make the keys of the settings, and only them, valid; announce every one.

    Where the settings name none, those of an earlier start stay as they are: a start from another
    shell would revoke a team's keys, and make the well-known first one valid.
    They are announced at each start, with the revision they have, so that a new Kafka beside an
    old database learns them too.

    Raises:
        Rejected: A key has another tenant than before.
    """
    pepper = settings.key_pepper.get_secret_value()
    async with transaction(sessions) as session:
        rows = await keys.every(session)
        named = settings.tenants_by_key or ({} if rows else FIRST)
        wanted = {key_hash(key, pepper): (key, tenant) for key, tenant in named.items()}
        for hash, (key, tenant) in wanted.items():
            row = rows.setdefault(hash, keys.Key.model_validate(_new(key, tenant, hash, pepper)))
            if row.tenant != tenant:
                raise Rejected(
                    f"{row.key_id} belongs to tenant {row.tenant!r}, and GYRE_API_KEYS gives it to "
                    f"{tenant!r}: a key keeps its tenant, take a new one"
                )
        for hash, row in rows.items():
            if named and row.revoked == (hash in wanted):
                row.revoked = not row.revoked
                row.revision += 1
            session.add(row)
            event_id = derived_id(row.tenant, row.key_id, row.revision)
            enqueue(session, row.event(), row.tenant, settings.service, id=event_id)


def _new(key: str, tenant: str, hash: str, pepper: str) -> dict[str, object]:
    scopes = list(ApiKeyChanged.model_fields["scopes"].get_default())
    return {"key_id": key_id(key, pepper), "tenant": tenant, "hash": hash, "scopes": scopes}


class Callers:
    """Knows who has a key.

    Args:
        sessions: On the database that has the keys.
        pepper: Of their hashes.
    """

    def __init__(self, sessions: Sessions, pepper: str) -> None:
        self._sessions = sessions
        self._pepper = pepper
        self._known: dict[str, tuple[float, keys.Key]] = {}
        self._reading: dict[str, asyncio.Task[keys.Key | None]] = {}

    async def caller_of(self, key: str) -> Caller:
        """Return who has `key`, as it was `KNOWN_S` ago at most.

        Raises:
            Unauthenticated: Nobody, or no longer.
            Unavailable: The database is away.
        """
        hash, time = key_hash(key, self._pepper), monotonic()
        read_at, row = self._known.get(hash, (-inf, None))
        if time >= read_at + FRESH_S and hash not in self._reading:
            task = self._reading[hash] = asyncio.create_task(self._read(hash))
            task.add_done_callback(lambda task: self._have_read(hash, task))
        if time >= read_at + KNOWN_S:
            row = await asyncio.shield(self._reading[hash])
        if row is None:
            raise Unauthenticated("this API key is not known: send one that GYRE_API_KEYS names")
        if row.revoked:
            raise Unauthenticated("this API key was revoked")
        return Caller(row.tenant, row.event(), key)

    async def close(self) -> None:
        """Wait for what is being read."""
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    async def _read(self, hash: str) -> keys.Key | None:
        time = monotonic()
        async with snapshot(self._sessions) as session:
            row = await keys.by_hash(session, hash)
        if row is not None:  # so that nobody can fill our memory with what is no key
            self._known[hash] = (time, row)
        return row

    def _have_read(self, hash: str, task: asyncio.Task[keys.Key | None]) -> None:
        del self._reading[hash]
        if not task.cancelled() and (error := task.exception()):
            log.warning("an API key was not read: %s", error)
