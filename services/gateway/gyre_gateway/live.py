"""Follows the change table and hands every change to those who listen, in this process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gyre_gateway.store import changes, repeats
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Overloaded, ServiceError
from gyre_service.ids import now

BATCH = 500
# Changes a client may be behind: what one look finds comes at once, and is on top of a rest.
BOUND = 2 * BATCH
LOOK_BACK = 100  # positions: PostgreSQL commits them out of order
FORGET_EVERY = 300  # looks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """One change as a client is told; a position only if it can be asked for again."""

    kind: str
    data: dict[str, Any]
    position: int | None = None


@dataclass(eq=False)
class Listener:
    """One live client. `None` ends its queue: it was too slow, or we are stopping."""

    tenant: str
    queue: asyncio.Queue[News | None] = field(default_factory=lambda: asyncio.Queue(BOUND + 1))

    def offer(self, news: News) -> bool:
        """Return False if it is too far behind."""
        if self.queue.qsize() >= BOUND:
            self.queue.put_nowait(None)
            return False
        self.queue.put_nowait(news)
        return True


class Feed:
    """Fans changes out. Any replica may write them: each reads the table."""

    def __init__(self, sessions: Sessions, poll_s: float, max_listeners: int) -> None:
        self._sessions = sessions
        self._poll_s = poll_s
        self._max = max_listeners
        self._listeners: set[Listener] = set()
        self._seen: set[int] = set()
        self._position = 0

    def check_room(self, tenant: str) -> None:
        """Let one more client come.

        Raises:
            Overloaded: There are as many as we take, or half as many of this tenant.
        """
        if len(self._listeners) >= self._max:
            raise Overloaded(f"{self._max} live clients are connected: come back later")
        share = (self._max + 1) // 2
        if sum(one.tenant == tenant for one in self._listeners) >= share:
            raise Overloaded(f"{share} live clients of yours are connected: come back later")

    @contextmanager
    def listening(self, tenant: str) -> Iterator[Listener]:
        """Hear every change of `tenant` while inside."""
        listener = Listener(tenant)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def tell(self, tenant: str, news: News) -> None:
        for listener in [one for one in self._listeners if one.tenant == tenant]:
            if not listener.offer(news):
                self._listeners.discard(listener)

    async def knows(self, position: int) -> bool:
        """Say whether changes have come to `position`, in this database."""
        async with snapshot(self._sessions) as session:
            return position <= await changes.last_position(session)

    async def since(self, tenant: str, position: int) -> AsyncIterator[News]:
        """Yield all that a client missed that had come to `position`, as far as it is kept."""
        while True:
            async with snapshot(self._sessions) as session:
                rows = await changes.since(session, position, BOUND, tenant)
            for row in rows:
                position = row.position or position
                yield News(row.kind, row.data, row.position)
            if len(rows) < BOUND:
                return

    async def begin(self) -> None:
        """Note what is there already: only what is written from now on is news.

        Raises:
            Unavailable: The database is away.
        """
        async with snapshot(self._sessions) as session:
            self._position = await changes.last_position(session)
            rows = await changes.since(session, self._position - LOOK_BACK, BATCH)
        self._seen = {row.position or 0 for row in rows}

    async def run(self) -> None:
        """Look at the table again and again, until cancelled; then send everyone away."""
        looks = 0
        try:
            while True:
                try:
                    await self._look()
                    looks += 1
                    if looks % FORGET_EVERY == 0:
                        await self._forget()
                except ServiceError as error:
                    log.warning("live changes wait: %s", error)
                await asyncio.sleep(self._poll_s)
        finally:
            self.close()

    def close(self) -> None:
        for listener in self._listeners:
            if not listener.queue.full():
                listener.queue.put_nowait(None)
        self._listeners.clear()

    async def _forget(self) -> None:
        """Keep the newest changes, and the idempotency keys of a day."""
        async with transaction(self._sessions) as session:
            await changes.forget(session)
        more = True
        while more:
            async with transaction(self._sessions) as session:
                more = await repeats.forget(session, now())

    async def _look(self) -> None:
        async with snapshot(self._sessions) as session:
            rows = await changes.since(session, self._position - LOOK_BACK, BATCH)
        for row in rows:
            assert row.position is not None
            if row.position not in self._seen:
                self._seen.add(row.position)
                self._position = max(self._position, row.position)
                self.tell(row.tenant, News(row.kind, row.data, row.position))
        self._seen = {at for at in self._seen if at > self._position - LOOK_BACK}
