from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from gyre_events import Base, RolloutChanged
from gyre_registry import store  # noqa: F401 (the tables are made with the database)
from gyre_service.database import Sessions, open_database, snapshot
from gyre_service.kafka.outbox import Outbox

BASE = Base(name="reference", digest="a" * 64)
OTHER = Base(name="gemma-3-270m", digest="b" * 64)


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}") as sessions:
        yield sessions


class Published:
    """What waits in the outbox, as a topic would tell it."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def rows(self) -> list[Outbox]:
        async with snapshot(self._sessions) as session:
            return list((await session.exec(select(Outbox).order_by(col(Outbox.position)))).all())

    async def rollouts(self) -> list[tuple[str, RolloutChanged]]:
        return [
            (row.headers["ce_tenant"], RolloutChanged.model_validate_json(row.body))
            for row in await self.rows()
        ]


@pytest.fixture
def published(sessions: Sessions) -> Published:
    return Published(sessions)
