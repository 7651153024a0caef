import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import JSON, DateTime
from sqlmodel import Field, SQLModel

from gyre_service import dumping
from gyre_service.database import open_database, transaction
from gyre_service.kafka import enqueue

from .conftest import Noted

EARLY = datetime(2026, 1, 31, tzinfo=UTC)


class Note(SQLModel, table=True):
    __tablename__: ClassVar[str] = "test_dumping_note"

    tenant: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    said: dict[str, Any] = Field(sa_type=JSON)
    content: bytes
    time: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


def notes(created_at: datetime) -> list[Note]:
    said = {"b": [{"decided_at": str(created_at), "x": 1}], "a": "é"}
    return [
        Note(
            tenant="acme",
            number=number,
            said=said,
            content=b"\x00\xff",
            time=EARLY,
            created_at=created_at,
        )
        for number in range(3)
    ]


async def write(file: Path, rows: list[Note]) -> None:
    async with open_database(f"sqlite+aiosqlite:///{file}") as sessions:
        for row in rows:
            async with transaction(sessions) as session:
                session.add(row)
                enqueue(session, Noted(author="ada"), "acme", "x")


def dumped(
    file: Path, *, hash: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.setenv("GYRE_DATABASE_URL", f"sqlite+aiosqlite:///{file}")
    dumping.run("x", hash=hash)
    return capsys.readouterr().out


def test_two_stores_of_the_same_events_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    asyncio.run(write(one, notes(EARLY)))
    asyncio.run(write(other, notes(EARLY + timedelta(days=1))[::-1]))

    text = dumped(one, hash=False, monkeypatch=monkeypatch, capsys=capsys)
    assert text == dumped(other, hash=False, monkeypatch=monkeypatch, capsys=capsys)
    assert text.splitlines()[1] == (
        'test_dumping_note {"content": "AP8=", "number": 1, '
        '"said": {"a": "\\u00e9", "b": [{"x": 1}]}, "tenant": "acme", '
        '"time": "2026-01-31T00:00:00+00:00"}'
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    hashed = dumped(one, hash=True, monkeypatch=monkeypatch, capsys=capsys)
    assert hashed == f"{digest}  3 rows\n"


def test_another_value_is_another_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    asyncio.run(write(one, notes(EARLY)))
    changed = notes(EARLY)
    changed[2].content = b"\x00\xfe"
    asyncio.run(write(other, changed))

    found = {
        dumped(file, hash=True, monkeypatch=monkeypatch, capsys=capsys) for file in (one, other)
    }
    assert len(found) == 2


def test_a_store_that_is_not_there_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GYRE_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match=r"there is no .*x\.db: GYRE_HOME says"):
        dumping.run("x", hash=False)
    assert not (tmp_path / "data").exists()
