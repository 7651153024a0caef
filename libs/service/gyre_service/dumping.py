"""What a service holds, so that two stores can be compared."""

import asyncio
import base64
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, make_url, select
from sqlmodel import SQLModel

from gyre_service.database import PASSING, Sessions, open_database, snapshot
from gyre_service.errors import ServiceError
from gyre_service.settings import ServiceSettings, read

# What these hold, in columns and inside of JSON, is the clock of who wrote it.
CLOCKS = frozenset({"created_at", "data_deadline", "decided_at", "lease_until", "stored_at"})


# And these how often a runner has tried, which a replay does not make again.
ATTEMPTS = frozenset({"failures", "token"})


def run(service: str, *, hash: bool) -> None:
    """Print every row of a service's database as a line, or with `hash` what they come to."""
    # What the service itself needs beside its database nobody has to tell here.
    settings = read(ServiceSettings, service=service)
    url = settings.database_url.get_secret_value()
    file = make_url(url).database if url.startswith("sqlite") else None
    if file and not Path(file).exists():  # else an empty one would be made, and found equal
        sys.exit(f"{service}: there is no {file}: GYRE_HOME says where its `data` is")
    try:
        found = asyncio.run(_dumped(url))
    except ServiceError as error:
        sys.exit(f"{service}: {error}")
    text = "".join(f"{line}\n" for line in found)
    if hash:
        text = f"{hashlib.sha256(text.encode()).hexdigest()}  {len(found)} rows\n"
    sys.stdout.write(text)


async def _dumped(url: str) -> list[str]:
    async with open_database(url) as sessions:
        return await dump(sessions)


async def dump(sessions: Sessions) -> list[str]:
    """Return every row of every table as one line of JSON, in an order of their own.

    Left out are tables whose rows pass, what the writer's clock has written, and attempts.

    Raises:
        Unavailable: The database is away.
    """
    lines = []
    async with snapshot(sessions) as session:
        connection = await session.connection()
        for table in SQLModel.metadata.sorted_tables:
            if not table.info.get(PASSING):
                rows = (await connection.execute(select(table))).all()
                lines += [_line(table, row._asdict()) for row in rows]
    return sorted(lines)


def _line(table: Table, row: dict[str, Any]) -> str:
    return f"{table.name} {json.dumps(lasting(row), sort_keys=True, default=_plain)}"


def lasting(value: Any) -> Any:
    """Return a value without what a clock or a runner has written, at any depth."""
    if isinstance(value, dict):
        kept = value.keys() - CLOCKS - ATTEMPTS
        return {key: lasting(value[key]) for key in kept}
    return [lasting(each) for each in value] if isinstance(value, list) else value


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):  # SQLite gives back what PostgreSQL has with a zone
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return str(value)
