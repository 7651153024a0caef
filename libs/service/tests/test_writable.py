import sqlite3
from pathlib import Path

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
