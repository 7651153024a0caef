import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gyre_service import seen
from gyre_service.database import Sessions, open_database, transaction
from gyre_service.errors import Unavailable
from gyre_service.ids import now
from gyre_service.kafka import Received
from gyre_service.seen import KEPT, first_time, forget_old

LONG_AGO = datetime(1999, 12, 31, tzinfo=UTC)


def received(id: str, appended: datetime) -> Received:
    return Received(
        source="/elsewhere",
        id=id,
        time=LONG_AGO,
        appended=appended,
        correlation_id="chain",
        tenant="acme",
        topic="noted",
        partition=0,
        offset=0,
    )


async def counted(sessions: Sessions, event: Received) -> bool:
    async with transaction(sessions) as session:
        return await first_time(session, event)


async def test_what_cannot_come_again_is_forgotten_by_the_logs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = received("new", now() - KEPT / 2), received("old", now() - KEPT)
    turns: list[float] = []

    def away(sessions: Sessions) -> None:
        raise Unavailable("the database is away")

    async def turn(seconds: float) -> None:
        turns.append(seconds)
        match len(turns):
            case 1:
                monkeypatch.setattr(seen, "transaction", away)
            case 2:
                raise asyncio.CancelledError

    url = f"sqlite+aiosqlite:///{tmp_path / 'seen.db'}"
    async with open_database(url) as sessions:
        assert [await counted(sessions, each) for each in (new, old)] == [True, True]
        assert not await counted(sessions, received("old", now() + timedelta(days=1)))
        monkeypatch.setattr("gyre_service.seen.asyncio.sleep", turn)
        with pytest.raises(asyncio.CancelledError):
            await forget_old(sessions)

        assert [await counted(sessions, each) for each in (new, old)] == [False, True]
