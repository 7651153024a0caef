"""One handler, one transaction; one meaning for what a database refuses."""

import asyncio
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    create_engine,
    event,
    func,
    insert,
)
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    async_sessionmaker,
    create_async_engine,
)
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_service.errors import Conflict, Unavailable
from gyre_service.tables import bring_up
from gyre_service.writing import Writer

Sessions: TypeAlias = async_sessionmaker[AsyncSession]

# What PostgreSQL and SQLite say when a row with the same key is there already.
DUPLICATE = {"23505", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"}
# An execution option of a connection.
READS = "gyre_reads"
# In the `info` of a table: its rows pass, they are no effect of the log.
PASSING = "gyre_passing"
# In the `info` of sessions.
COMMITTED = "committed"
ENQUEUED = "enqueued"
WRITER = "writer"
# The driver's own: what our BEGIN raises, which SQLAlchemy does not wrap.
AWAY = (
    *(OperationalError, InterfaceError, NoConnectionLeft, ConnectionError),
    *(sqlite3.OperationalError, socket.gaierror, asyncpg.OperatorInterventionError),
)
# PostgreSQL's states, or classes of them, in which the same statement may succeed later: its
# connection or an operator ends it; connections, disk or memory are used up; two transactions
# were in each other's way; a lock is not free; it is a standby, as after a failover.
AWAY_STATES = ("08", "57P", "53", "40001", "40P01", "55P03", "25006")
# SQLite has one error for this and for what passes.
OTHER_TABLES = re.compile("no such (table|column)|has no column named")
BUSY_S = 5  # how long SQLite waits for another process's write
CONNECT_S = 10  # asyncpg's own 60 would be, with the retries, longer than a handler may take


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Sessions]:
    """Bring the tables to what the models say, and yield sessions on them.

    Args:
        url: `sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`.

    Raises:
        Rejected: The database is of another release, and cannot be brought to it.
        Unavailable: It is away.
    """
    parsed = make_url(url)
    info: dict[str, Any] = {COMMITTED: asyncio.Event()}
    if parsed.get_backend_name() == "sqlite":
        if parsed.database not in (None, "", ":memory:"):  # which one connection has for itself
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            plain = create_engine(parsed.set(drivername="sqlite"))
            _configure_sqlite(plain)
            info[WRITER] = Writer(plain)
        engine = create_async_engine(url, connect_args={"factory": _Sqlite})
        _configure_sqlite(engine.sync_engine)
    else:
        engine = create_async_engine(url, connect_args={"timeout": CONNECT_S})
        _say_away(engine.sync_engine)
    try:
        with _translated():
            async with engine.begin() as connection:
                await connection.run_sync(bring_up)
        yield async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False, info=info)
    finally:
        await engine.dispose()
        if WRITER in info:
            await asyncio.to_thread(info[WRITER].close)


class _Sqlite(sqlite3.Connection):
    """Gives its locks back when closed.

    SQLite itself keeps them until the last statement is gone too (`sqlite3_close_v2`), and
    whoever is cancelled in one leaves it to a traceback: everybody else would find the
    database locked until the garbage is collected.
    """

    def close(self) -> None:
        try:
            self.rollback()
        finally:
            super().close()


def _say_away(engine: Engine) -> None:
    """Tell a server that is not reached, or not in time, from an error of the same type elsewhere.

    Whatever the network says there is an `OSError`, as is a file that is missing.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, _: Any, args: Any, options: Any) -> DBAPIConnection:
        try:
            return dialect.connect(*args, **options)
        except OSError as error:
            raise Unavailable(f"database: not reached: {error!r}") from error


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_S * 1000}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Read first, write later fails at once, whatever the timeout, when another process
        # wrote in between: so who may write takes the lock first.
        reads = connection.get_execution_options().get(READS)
        say = "BEGIN" if reads else "BEGIN IMMEDIATE"
        # Of the driver itself: a cursor of SQLAlchemy's goes three times to the driver's thread.
        driver: Any = connection.connection.dbapi_connection
        if engine.dialect.is_async:
            driver.run_async(lambda sqlite: sqlite.execute(say))
        else:
            driver.execute(say)


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Commit everything that happens inside, or nothing.

    Raises:
        Conflict: Another replica has just written the same new row. Look again: it is there now.
        Unavailable: The database is away or locked. If it went away during the
            commit, the effect may be there: that is why every effect is idempotent.
    """
    with _translated():
        async with sessions.begin() as session:
            yield session
        if session.info.get(ENQUEUED):
            enqueued_of(sessions).set()


async def insert_alone(sessions: Sessions, table: type[SQLModel], row: Mapping[str, Any]) -> None:
    """Insert one row as a transaction by itself, faster than `transaction`.

    Raises:
        Conflict: As of `transaction`.
        Unavailable: As of `transaction`.
    """
    engine: AsyncEngine = sessions.kw["bind"]
    writer: Writer | None = sessions.kw["info"].get(WRITER)
    with _translated():
        if writer:
            await writer.insert(table, row)
            return
        async with engine.begin() as connection:
            await connection.execute(insert(table), row)


@contextmanager
def _translated() -> Iterator[None]:
    """Give what a database refuses one meaning, whichever database it is."""
    try:
        yield
    except IntegrityError as error:
        code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "")
        if code not in DUPLICATE:
            raise  # a row that no attempt can write: a bug
        raise Conflict(f"database: {error}") from error
    except AWAY as error:
        if OTHER_TABLES.search(str(_said(error))):
            raise  # as PostgreSQL's: no waiting helps
        raise Unavailable(f"database: {error}") from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        if not str(getattr(_said(error), "sqlstate", "")).startswith(AWAY_STATES):
            raise
        raise Unavailable(f"database: {error}") from error


def _said(error: BaseException) -> BaseException | None:
    """Return the driver's own error, whose text has nothing of a statement's values in it."""
    return error.orig if isinstance(error, DBAPIError) else error


def has_enqueued(session: AsyncSession) -> None:
    """Wake whoever waits for the outbox, if the transaction of `session` commits."""
    session.info[ENQUEUED] = True


def enqueued_of(sessions: Sessions) -> asyncio.Event:
    """Return what is set when a transaction of this process has put something in the outbox."""
    event: asyncio.Event = sessions.kw["info"][COMMITTED]
    return event


@asynccontextmanager
async def snapshot(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Read without standing in the way of writers. Nothing written inside is kept.

    Raises:
        Unavailable: The database is away.
    """
    with _translated():
        async with sessions() as session:
            await session.connection(execution_options={READS: True})
            yield session


def clock(session: AsyncSession) -> ColumnElement[float]:
    """Return the database's own time, in seconds since 1970: the one that all replicas share."""
    if session.get_bind().dialect.name == "sqlite":
        return (func.julianday("now") - 2_440_587.5) * 86_400  # `unixepoch` has no fractions yet
    return func.date_part("epoch", func.clock_timestamp())
