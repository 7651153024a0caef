"""One life of a service on the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from faststream._internal.testing.broker import change_producer
from sqlalchemy import event
from sqlmodel import select

from gyre_service.database import Sessions, open_database, snapshot
from gyre_service.kafka import Broker, Router
from gyre_service.kafka.outbox import Outbox, relay_some
from gyre_service.settings import ServiceSettings
from tests.faults.fake_log.client import Group, Producer
from tests.faults.fake_log.log import Log
from tests.faults.fake_log.mortal import Killed, Mortal, Sleeper

PATIENCE_S = 60  # for one record: a handler that never ends is a failure, not a wait


@dataclass(frozen=True)
class Program:
    """What is run: a service's handlers, and what they find in the context.

    Args:
        router: Of the service.
        other: Of another process of it: its consumers are its own.
        settings: Of the service.
        globals: What `app.py` would put into the context beside `settings` and `sessions`.
    """

    router: Router
    other: Router
    settings: ServiceSettings
    globals: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.settings.database_url.get_secret_value()


async def live(program: Program, log: Log, life: Mortal, other: Mortal | None = None) -> bool:
    """Run a service until it has handled and published everything, or is killed.

    Args:
        program: What runs.
        log: What it reads, and writes to.
        life: Until when.
        other: Of another process, which has all partitions while a sleeper sleeps.

    Returns:
        Whether it came to the end.
    """
    async with open_database(program.url) as sessions:
        _die_in_transactions(sessions, life)
        async with _consuming(program, log, life, sessions) as (broker, group):
            working = asyncio.create_task(_work(broker, sessions, group))
            dying = asyncio.create_task(life.died.wait())
            try:
                await _first_of(working, dying, log)
            finally:
                if life.died.is_set() and isinstance(life, Sleeper) and other:
                    await live(replace(program, router=program.other), log, other)
                    life.woken.set()
                    async with asyncio.timeout(PATIENCE_S):
                        await life.has_nothing_left.wait()
                working.cancel()
                dying.cancel()
                await asyncio.wait((working, dying))
            if not life.died.is_set():
                working.result()
            return not life.died.is_set()


async def _first_of(working: asyncio.Task[None], dying: asyncio.Task[Any], log: Log) -> None:
    done: set[asyncio.Task[Any]] = set()
    while not done:
        before = sum(log.committed.values())
        done, _ = await asyncio.wait(
            (working, dying), timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not done and sum(log.committed.values()) == before:
            raise TimeoutError(f"nothing was handled for {PATIENCE_S} s")


async def _work(broker: Broker, sessions: Sessions, group: Group) -> None:
    published = True
    while published:
        await group.come_to_the_end()
        published = False
        while await _is_waiting(sessions):
            await relay_some(broker, sessions)
            published = True


async def _is_waiting(sessions: Sessions) -> bool:
    async with snapshot(sessions) as session:
        return (await session.exec(select(Outbox.id).limit(1))).first() is not None


@asynccontextmanager
async def _consuming(
    program: Program, log: Log, life: Mortal, sessions: Sessions
) -> AsyncIterator[tuple[Broker, Group]]:
    broker = Broker(program.settings)
    broker.include_router(program.router)
    known = {"settings": program.settings, "sessions": sessions}
    for name, value in (program.globals | known).items():
        broker.context.set_global(name, value)

    async def park(message: Any, error: BaseException, **_: Any) -> None:
        log.parked.append(message)

    queue: Any = broker.dead_letters
    queue.park = park
    group = Group(log, life)
    config: Any = broker.config.broker_config
    config.builder = group.consumer
    with change_producer(config, Producer(log, life, broker)):
        broker._setup_logger()
        subscribers: list[Any] = list(broker.subscribers)
        for each in subscribers:
            await each.start()
        try:
            yield broker, group
        finally:
            tasks = [task for each in subscribers for task in each.tasks]
            for task in tasks:
                task.cancel()  # a frozen handler would hold up the stop
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in subscribers:
                await each.stop()


def _die_in_transactions(sessions: Sessions, life: Mortal) -> None:
    def before_commit(_: Any) -> None:
        if life.comes_to("in_transaction"):
            raise Killed  # the database's own answer to a death here: nothing was written

    event.listen(sessions.kw["bind"].sync_engine, "commit", before_commit)
