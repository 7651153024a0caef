"""Whether the database takes what is written."""

import asyncio
from collections.abc import Callable

from sqlalchemy import text

from gyre_service.database import BUSY_S, Sessions, transaction
from gyre_service.errors import ServiceError

PATIENCE_S = 2.0
END_S = BUSY_S + 1.0  # longer than SQLite waits
READ_ONLY = text("SELECT current_setting('transaction_read_only') = 'on'")


class Writable:
    """Begins and ends a transaction: that others may read does not help who has to write.

    With SQLite to begin is to take the write lock. A server is not even asked before the first
    statement, and a standby, as after a failover, begins whatever it is told.

    A look that does not end in time goes on, and the next one waits for it: given up and begun
    anew each time, they would take all connections.

    Args:
        sessions: Gives those of the process, once it has them.
    """

    def __init__(self, sessions: Callable[[], Sessions]) -> None:
        self._sessions = sessions
        self._looking: asyncio.Task[str] | None = None

    async def __call__(self) -> str:
        """Return why not, or ""."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({self._looking}, timeout=PATIENCE_S)
        if not done:
            return f"the database has not answered for {PATIENCE_S:g} s"
        looked, self._looking = self._looking, None
        return looked.result()

    async def close(self) -> None:
        """Wait for a look that has not ended, up to `END_S`: a server may never answer."""
        if self._looking is not None:
            _, hanging = await asyncio.wait({self._looking}, timeout=END_S)
            for look in hanging:
                look.cancel()

    async def _look(self) -> str:
        try:
            async with transaction(self._sessions()) as session:
                connection = await session.connection()
                if connection.dialect.name == "sqlite":
                    return ""
                only_reads = (await connection.execute(READ_ONLY)).scalar_one()
                return "the database only reads, as a standby does" if only_reads else ""
        except ServiceError as error:
            return f"the database does not answer: {error}"
