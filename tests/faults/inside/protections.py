"""Protections, and how each is turned off in a process: `GYRE_MUTATION` says which."""

from dataclasses import replace
from typing import Any


def seen_ids() -> None:
    """Take every event for a new one."""
    from gyre_service import seen

    first_time = seen.first_time

    async def always(session: Any, event: Any) -> bool:
        await first_time(session, event)
        return True

    seen.first_time = always


def dedupe() -> None:
    """Let feedback take what is said again for new: the row is another one, and counts again."""
    from gyre_feedback import store
    from gyre_feedback.tables import Feedback

    async def unknown(*_: Any) -> None:
        return None

    async def forgotten(session: Any, tenant: str, feedback_id: Any) -> None:
        if (row := await session.get(Feedback, (tenant, feedback_id))) is not None:
            await session.delete(row)
            await session.flush()

    store.find_feedback = unknown  # type: ignore[assignment]
    store.get_feedback = forgotten


def fencing() -> None:
    """Let whoever ever had a job write for it."""
    from sqlmodel import and_, col

    from gyre_service import jobs

    def anybodys(job: jobs.Job) -> Any:
        table = type(job)
        return and_(col(table.tenant) == job.tenant, col(table.job_id) == job.job_id)

    jobs._is_ours = anybodys


def parking() -> None:
    """Park what a record says, and not its bytes."""
    from gyre_service.kafka.dead_letters import DeadLetterQueue

    park = DeadLetterQueue.park

    async def rewritten(self: Any, record: Any, *args: Any, **kwargs: Any) -> None:
        value = record.value and record.value.decode(errors="replace").encode()
        await park(self, replace(record, value=value), *args, **kwargs)

    DeadLetterQueue.park = rewritten  # type: ignore[method-assign]


def key_order() -> None:
    """Publish rows of one key at the same time."""
    from gyre_service.kafka import outbox

    outbox._by_key = lambda rows: [[row] for row in rows]


def fsync() -> None:
    """Let SQLite not wait for the disk."""
    from sqlalchemy import event

    from gyre_service import database

    configure = database._configure_sqlite

    def careless(engine: Any) -> None:
        configure(engine)
        event.listen(engine, "connect", lambda connection, _: _relax(connection))

    database._configure_sqlite = careless


def _relax(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


def acks() -> None:
    """Do not wait until the broker has what is published."""
    from faststream.kafka import KafkaBroker

    begin = KafkaBroker.__init__

    def hasty(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **(kwargs | {"acks": 0, "enable_idempotence": False}))

    KafkaBroker.__init__ = hasty  # type: ignore[method-assign]


PROTECTIONS = {
    each.__name__: each for each in (seen_ids, dedupe, fencing, parking, key_order, fsync, acks)
}
