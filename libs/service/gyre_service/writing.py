"""One row that is a transaction by itself, for what everybody waits for."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel


class Writer:
    """Inserts in a thread of its own.

    The async driver of SQLite goes five times to its thread for what is one call there: it takes
    twice as long, and more the busier the event loop is.

    Args:
        engine: On the database, of a synchronous driver.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "writer")

    async def insert(self, table: type[SQLModel], row: Mapping[str, Any]) -> None:
        """Insert a row of `table`; a cancel comes too late.

        Raises:
            SQLAlchemyError: What the database refuses.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._insert, table, dict(row))

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()
        self._engine.dispose()

    def _insert(self, table: type[SQLModel], row: dict[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(table), row)
