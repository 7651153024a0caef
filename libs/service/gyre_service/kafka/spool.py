"""The outbox while Kafka is away: how much may wait in it."""

from sqlmodel import func, select

from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Unavailable
from gyre_service.kafka.outbox import Outbox


class Spool:
    """Knows whether another question has room.

    Args:
        sessions: On the service's database, which has the outbox.
        most: How many events may wait for Kafka.
    """

    def __init__(self, sessions: Sessions, most: int) -> None:
        self._sessions = sessions
        self._most = most
        self._full = ""

    async def look(self) -> str:
        """Count what waits; return why no more may, or "".

        To be called every second or so: at each question it would take longer than all else.
        """
        try:
            async with snapshot(self._sessions) as session:
                query = select(func.count()).select_from(Outbox)
                waiting = (await session.exec(query)).one()
        except Unavailable:  # what looks at the database says so
            return self._full
        full = waiting >= self._most
        self._full = f"{waiting} events wait for Kafka, at most {self._most}" if full else ""
        return self._full

    def check(self) -> None:
        """Let a question pass.

        Raises:
            Unavailable: It might find no room.
        """
        if self._full:
            raise Unavailable(f"{self._full}: try again later")
