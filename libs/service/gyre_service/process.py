"""The life of a service process: what starts first, when it is ready, how it ends."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias, TypeVar

import anyio
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import make_asgi_app

from gyre_service import dumping, telemetry
from gyre_service.database import Sessions, open_database
from gyre_service.errors import ServiceError
from gyre_service.kafka import Broker
from gyre_service.kafka.outbox import relay
from gyre_service.loop_watch import LoopWatch
from gyre_service.settings import ServiceSettings, read
from gyre_service.stopping import exit_when_told, force_the_end
from gyre_service.writable import Writable

log = logging.getLogger(__name__)
S = TypeVar("S", bound=ServiceSettings)

Check: TypeAlias = Callable[[], Awaitable[str]]  # why we are not ready, or ""
CHECK_S = 1.0


class Process:
    """What the parts of one process share."""

    def __init__(self, settings: ServiceSettings, broker: Broker) -> None:
        self.settings = settings
        self.broker = broker
        self.sessions: Sessions
        self.writable = Writable(lambda: self.sessions)
        self.checks: dict[str, Check] = {"kafka": self._kafka, "database": self.writable}
        self.reasons: dict[str, str] = {"start": "starting"}  # why we are not ready

    def ready(self) -> bool:
        return not self.reasons

    async def watch(self) -> None:
        """Look at every check again and again, until cancelled."""
        while True:
            found = {name: await check() for name, check in self.checks.items()}
            reasons = {name: reason for name, reason in found.items() if reason}
            if reasons != self.reasons:
                log.info("ready" if not reasons else f"not ready: {reasons}")
            self.reasons = reasons
            await asyncio.sleep(CHECK_S)

    async def _kafka(self) -> str:
        # An answer of `ping` is an answer of the client's bootstrap connection only.
        return "" if await self.broker.ping(timeout=2.0) else "Kafka does not answer"


Parts: TypeAlias = Callable[[Process], AbstractAsyncContextManager[None]]


def make_process(settings: ServiceSettings, broker: Broker, parts: Parts) -> AsgiFastStream:
    """Return the application of a service.

    It starts, in this order: telemetry, the database, `parts` (tables, clients, servers), the
    broker, the outbox's relay; and ends in the reverse order.

    Args:
        settings: Of the service; handlers find them in the context as `settings`.
        broker: With its routers.
        parts: What is this service's own. May add checks, and globals to the broker's context.
    """
    process = Process(settings, broker)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with open_database(settings.database_url.get_secret_value()) as sessions:
            process.sessions = sessions
            app.context.set_global("settings", settings)
            app.context.set_global("sessions", sessions)
            async with parts(process):
                yield

    tasks: list[asyncio.Task[None]] = []
    loop_watch = LoopWatch(settings)

    async def after_startup() -> None:
        loop_watch.start()
        tasks.append(asyncio.create_task(relay(broker, process.sessions)))
        tasks.append(asyncio.create_task(process.watch()))

    async def on_shutdown() -> None:
        process.reasons = {"stop": "stopping"}
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
    return app


def _json(status: int, body: dict[str, Any]) -> AsgiResponse:
    return AsgiResponse(json.dumps(body).encode(), status, {"content-type": "application/json"})


def main(settings_type: type[S], make_app: Callable[[S], AsgiFastStream]) -> None:
    """Run a service until SIGTERM; with the argument `dump` print what it holds, and end.

    Ends with one line if its settings are wrong.
    """
    if sys.argv[1:]:
        return dumping.run(settings_type.model_fields["service"].default, sys.argv[1:])
    exit_when_told()
    force_the_end()
    settings = read(settings_type)
    assert isinstance(settings, settings_type)
    telemetry.configure(settings)
    app = make_app(settings)
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.health_port,
        "log_config": None,  # ours is in place
        "access_log": "false",
    }
    try:
        # vLLM's own server runs on uvloop too; asyncio's loop adds to every answer.
        run = partial(app.run, run_extra_options=options)
        anyio.run(run, backend_options={"use_uvloop": True})
    except ServiceError as error:
        sys.exit(f"{settings.service}: {error}")
