"""The life of a service process: what starts first, when it is ready, how it ends."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from typing import Any, TypeAlias, TypeVar

from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import Gauge, make_asgi_app

from gyre_events import Event
from gyre_service.database import Sessions, open_database
from gyre_service.errors import ServiceError
from gyre_service.kafka import Broker, Table
from gyre_service.kafka.outbox import measure, relay
from gyre_service.kafka.table import Changed, PastTable, unheard
from gyre_service.loop_watch import LoopWatch
from gyre_service.rpc import Add, serving
from gyre_service.settings import ServiceSettings
from gyre_service.stopping import stop_process
from gyre_service.writable import Writable

log = logging.getLogger(__name__)
E = TypeVar("E", bound=Event)

Check: TypeAlias = Callable[[], Awaitable[str]]  # why we are not ready, or ""
CHECK_S = 1.0
READY = Gauge("gyre_ready", "1 if a check finds nothing wrong, else 0", ["check"])
PROCESS = "process"


class Process:
    """What the parts of one process share."""

    def __init__(self, settings: ServiceSettings, broker: Broker, not_in_log: str) -> None:
        self.settings = settings
        self.broker = broker
        self.not_in_log = not_in_log
        self.sessions: Sessions
        self.writable = Writable(lambda: self.sessions)
        self.checks: dict[str, Check] = {"kafka": self._kafka, "database": self.writable}
        self.reasons: dict[str, str] = {"start": "starting"}  # why we are not ready
        # Told before `parts` begin: handlers run on the log again, and nothing else happens.
        self.replaying = False
        self.tables: list[Table[Any]] = []
        # Who comes through them needs all the rest: opened when that has started, closed first.
        self.doors: list[Callable[[], AbstractAsyncContextManager[Any]]] = []

    def ready(self) -> bool:
        return not self.reasons

    def table(self, event: type[E], changed: Changed[E] = unheard) -> Table[E]:
        """Return a table that is still to be started; in a replay one of what was then."""
        table = (PastTable if self.replaying else Table)(self.settings, event, changed)
        self.tables.append(table)
        return table

    def serving(
        self, add: Add, name: str, able: Callable[[], bool] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Serve by gRPC while inside, as `gyre_service.rpc.serving`; not in a replay."""
        if self.replaying:
            return nullcontext()
        return serving(self.settings, add, name, self.ready, able)

    @asynccontextmanager
    async def beside(
        self, work: Callable[[], Coroutine[Any, Any, None]], name: str, ended: str
    ) -> AsyncIterator[None]:
        """Do `work`, which never ends by itself, while inside; not in a replay.

        Args:
            work: What is done by the clock, and not because of an event.
            name: Of the check that it still runs.
            ended: Why we are not ready, and end ourselves, if it does not.
        """
        if self.replaying:
            yield
            return
        task = asyncio.create_task(work())

        async def check() -> str:
            return ended if task.done() else ""

        def stop(task: asyncio.Task[None]) -> None:
            if not task.cancelled():  # nobody else would begin it again
                stop_process(f"{ended}: {task.exception()!r}")

        task.add_done_callback(stop)
        self.checks[name] = check
        try:
            yield
        finally:
            task.cancel()
            # Its session must be closed before the database is.
            await asyncio.gather(task, return_exceptions=True)

    async def watch(self) -> None:
        """Look at every check again and again, until cancelled."""
        while True:
            found = {name: await _looked(check) for name, check in self.checks.items()}
            for name, reason in found.items():
                READY.labels(name).set(not reason)
            reasons = {name: reason for name, reason in found.items() if reason}
            if reasons != self.reasons:
                log.info("ready" if not reasons else f"not ready: {reasons}")
            self.reasons = reasons
            await asyncio.sleep(CHECK_S)

    async def _kafka(self) -> str:
        # An answer of `ping` is an answer of the client's bootstrap connection only.
        return "" if await self.broker.ping(timeout=2.0) else "Kafka does not answer"


async def _looked(check: Check) -> str:
    """Return why we are not ready; a check that itself fails is a reason, and no end of looking."""
    try:
        return await check()
    except Exception as error:
        log.exception("a check failed")
        return repr(error)


Parts: TypeAlias = Callable[[Process], AbstractAsyncContextManager[None]]


def make_process(
    settings: ServiceSettings, broker: Broker, parts: Parts, not_in_log: str = ""
) -> AsgiFastStream:
    """Return the application of a service.

    It starts, in this order: telemetry, the database, `parts` (tables, clients, servers), the
    broker, the outbox's relay, the doors; and ends in the reverse order.

    Args:
        settings: Of the service; handlers find them in the context as `settings`.
        broker: With its routers.
        parts: What is this service's own. May add checks, and globals to the broker's context.
        not_in_log: What its stores hold that no event has brought; then they are not replayed.
    """
    process = Process(settings, broker, not_in_log)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        database = open_database(settings.database_url.get_secret_value())
        async with AsyncExitStack() as held:
            try:
                process.sessions = await held.enter_async_context(database)
                app.context.set_global("settings", settings)
                app.context.set_global("sessions", process.sessions)
                await held.enter_async_context(parts(process))
            except ServiceError as error:  # what the server prints is a traceback
                log.critical("not started: %s", error)
                raise
            yield

    tasks: list[asyncio.Task[None]] = []  # the first one says whether we are ready
    loop_watch, doors = LoopWatch(settings), AsyncExitStack()

    async def after_startup() -> None:
        loop_watch.start()
        tasks.append(asyncio.create_task(process.watch()))
        tasks.append(asyncio.create_task(relay(broker, process.sessions)))
        tasks.append(asyncio.create_task(measure(process.sessions)))
        for door in process.doors:
            await doors.enter_async_context(door())

    async def on_shutdown() -> None:
        for task in tasks[:1]:
            task.cancel()
        process.reasons = {"stop": "stopping"}
        if process.doors:
            # Whoever balances sees that we are not ready, and sends nobody any more.
            await asyncio.sleep(settings.drain_s)
        await doors.aclose()
        loop_watch.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await process.writable.close()

    @get
    async def live(_: Any) -> AsgiResponse:
        return _json(200, {"status": "live"})

    @get
    async def ready(_: Any) -> AsgiResponse:
        return _json(200 if process.ready() else 503, {"reasons": process.reasons})

    app = AsgiFastStream(
        broker,
        lifespan=lifespan,
        after_startup=[after_startup],
        on_shutdown=[on_shutdown],
        logger=logging.getLogger("faststream"),
        asgi_routes=[
            ("/health/live", live),
            ("/health/ready", ready),
            ("/metrics", make_asgi_app()),
        ],
    )
    app.context.set_global(PROCESS, process)
    return app


def process_of(app: AsgiFastStream) -> Process:
    """Return the process that `make_process` has made `app` for."""
    process = app.context.get(PROCESS)
    assert isinstance(process, Process)
    return process


def _json(status: int, body: dict[str, Any]) -> AsgiResponse:
    return AsgiResponse(json.dumps(body).encode(), status, {"content-type": "application/json"})
