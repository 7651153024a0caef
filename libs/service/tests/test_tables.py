import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlmodel import col, select

from gyre_service.database import open_database, snapshot
from gyre_service.errors import Rejected
from gyre_service.kafka.outbox import Outbox
from gyre_service.seen import Seen
from gyre_service.tables import bring_up


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'older.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO things VALUES (1)"))
    yield engine
    engine.dispose()


def things(*more: Column[object], key: str = "id") -> MetaData:
    metadata = MetaData()
    Table("things", metadata, Column(key, Integer, primary_key=True), *more)
    return metadata


def test_what_rows_that_are_there_can_have_is_added(engine: Engine) -> None:
    wanted = things(
        Column("since", String, nullable=True, index=True),
        Column("said", String, default="it's 5 % or :so", nullable=False),
        Column("number", Integer, default=7, nullable=False),
        Column("done", Boolean, default=False, nullable=False),
    )
    Table("others", wanted, Column("id", Integer, primary_key=True))

    for _ in range(2):  # the second time nothing is missing
        with engine.begin() as connection:
            bring_up(connection, wanted)

    with engine.begin() as connection:
        connection.execute(text("INSERT INTO things (id) VALUES (2)"))  # as the last release does
        rows = connection.execute(wanted.tables["things"].select()).all()
    said = (None, "it's 5 % or :so", 7, False)
    assert [tuple(row) for row in rows] == [(1, *said), (2, *said)]
    found = inspect(engine)
    assert [index["name"] for index in found.get_indexes("things")] == ["ix_things_since"]
    assert found.has_table("others")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (things(Column("name", String, nullable=False)), "no column name"),
        (things(Column("at", String, nullable=False, default=func.now)), "no column at"),
        (things(Column("part", Integer, primary_key=True)), r"primary key \(id\), not \(id, part"),
        (things(key="number"), r"primary key \(id\), not \(number\)"),
    ],
)
def test_what_they_cannot_have_is_said_and_nothing_is_changed(
    engine: Engine, wanted: MetaData, says: str
) -> None:
    wanted.tables["things"].append_column(Column("added", Integer, nullable=True))

    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")  # the driver has its own only before rows change
        with pytest.raises(Rejected, match=f"things has .*{says}.*gyre replay"):
            bring_up(connection, wanted)
        connection.rollback()

    assert [column["name"] for column in inspect(engine).get_columns("things")] == ["id"]


def test_a_column_that_must_be_filled_and_is_not_is_said(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE things ADD COLUMN old TEXT NOT NULL DEFAULT ''"))
        bring_up(connection, things())
        connection.execute(text("CREATE TABLE parts (id INTEGER PRIMARY KEY, old TEXT NOT NULL)"))
        wanted = MetaData()
        Table("parts", wanted, Column("id", Integer, primary_key=True))
        with pytest.raises(Rejected, match="parts has the column old"):
            bring_up(connection, wanted)


def test_of_two_processes_that_start_on_a_server_one_waits(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    wanted = MetaData()
    Table("others", wanted, Column("id", Integer, primary_key=True))
    with engine.connect() as connection:
        monkeypatch.setattr(engine.dialect, "name", "postgresql")
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.create_function("pg_advisory_xact_lock", 1, lambda _: done.append("locked"))
        monkeypatch.setattr(wanted, "create_all", lambda _: done.append("created"))
        bring_up(connection, wanted)

    assert done == ["locked", "created"]


async def test_a_database_of_the_last_release_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "older.db"
    with sqlite3.connect(file) as older:
        older.execute("CREATE TABLE outbox (position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT)")

    with pytest.raises(Rejected, match="outbox has no column id"):
        async with open_database(f"sqlite+aiosqlite:///{file}"):
            pass

    with sqlite3.connect(file) as older:
        older.execute("DROP TABLE outbox")
    async with open_database(f"sqlite+aiosqlite:///{file}") as sessions, snapshot(sessions) as now:
        assert (await now.exec(select(Outbox))).all() == []


@pytest.mark.parametrize("column", [col(Outbox.position), col(Seen.offset)], ids=str)
def test_what_only_grows_has_64_bits_on_a_server(column: Any) -> None:
    found = column.property.columns[0].type.dialect_impl(postgresql.dialect())  # type: ignore[no-untyped-call]
    assert isinstance(found, BigInteger)
