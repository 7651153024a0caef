import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from gyre_service import database, writable
from gyre_service.database import open_database
from gyre_service.writable import Writable


async def test_a_database_that_only_reads_is_not_writable_until_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writable, "PATIENCE_S", 0.1)
    file = tmp_path / "service.db"
    async with open_database(f"sqlite+aiosqlite:///{file}") as sessions:
        look = Writable(lambda: sessions)
        assert await look() == ""

        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert "not answered" in await look()
        assert "not answered" in await look()  # the same look: it has not been given up
        other.execute("ROLLBACK")
        other.close()

        monkeypatch.setattr(writable, "PATIENCE_S", 5)
        assert await look() == ""
        await look.close()


async def test_why_a_database_refuses_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0)
    file = tmp_path / "service.db"
    async with open_database(f"sqlite+aiosqlite:///{file}") as sessions:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert "locked" in await Writable(lambda: sessions)()
        other.close()


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_server_is_asked_whether_it_takes_what_is_written(
    monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    session = AsyncMock()
    connection = session.connection.return_value
    connection.dialect.name = "postgresql"
    connection.execute.return_value = Mock(scalar_one=lambda: read_only)

    @asynccontextmanager
    async def transaction(_: Any) -> AsyncIterator[Any]:
        yield session

    monkeypatch.setattr(writable, "transaction", transaction)
    assert ("only reads" in await Writable(Mock())()) is read_only


async def test_a_look_that_never_ends_does_not_keep_a_process_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writable, "PATIENCE_S", 0.01)
    monkeypatch.setattr(writable, "END_S", 0.01)

    @asynccontextmanager
    async def transaction(_: Any) -> AsyncIterator[Any]:
        yield await asyncio.Event().wait()

    monkeypatch.setattr(writable, "transaction", transaction)
    look = Writable(Mock())
    assert "not answered" in await look()
    async with asyncio.timeout(5):
        await look.close()
