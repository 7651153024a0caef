"""What all services hold, read from outside: their databases on the embedded stack."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

Rows: TypeAlias = Counter[tuple[str, tuple[Any, ...]]]

# What waits for Kafka, what a browser may have missed, and requests' claims: none is an effect.
PASSING = {"outbox", "gateway_change", "gateway_repeat", "sqlite_sequence"}


def opened(file: Path) -> closing[sqlite3.Connection]:
    """Return a service's database to be read, beside the service."""
    return closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True))


def rows(home: Path) -> Rows:
    """Return every row of every service, with its service and table, and how often it is there."""
    found: Rows = Counter()
    for file in sorted((home / "data").glob("*.db")):
        with opened(file) as database:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            for (table,) in database.execute(query).fetchall():
                if table not in PASSING:
                    name = f"{file.stem}.{table}"
                    found.update((name, row) for row in database.execute(f"SELECT * FROM {table}"))
    return found


def changed(before: Rows, after: Rows) -> dict[str, int]:
    """Return how many rows of each table are new, gone or another."""
    return dict(Counter(table for table, _ in ((before - after) + (after - before))))
