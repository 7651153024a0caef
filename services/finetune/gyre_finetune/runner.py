"""The runner of the finetune service: `python -m gyre_finetune.runner`. It only does jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.asgi import AsgiFastStream

from gyre_events import RolloutChanged
from gyre_finetune.running import Runner
from gyre_finetune.settings import Settings
from gyre_finetune.store import Training
from gyre_service.blobs import Blobs
from gyre_service.command import main
from gyre_service.jobs import work
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process
from gyre_service.stopping import stop_process

DEFAULT = "default"


def make_runner(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        rollouts = process.table(RolloutChanged)
        await rollouts.start()

        def prompt_of(tenant: str, route: str) -> str:
            found = rollouts.get(tenant, route) or rollouts.get(DEFAULT, route)
            return found.arms[0].prompt.text if found else ""

        runner = Runner(settings, process.sessions, Blobs(settings.blob_url), prompt_of)
        working = asyncio.create_task(
            work(process.sessions, Training, runner.do, lease_s=settings.lease_s)
        )
        working.add_done_callback(_ended)
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await rollouts.stop()

    return make_process(settings, broker, parts)


def _ended(working: asyncio.Task[None]) -> None:
    if not working.cancelled():  # a bug: another start may get further, and somebody sees it
        stop_process(f"the runner ended: {working.exception()!r}")


if __name__ == "__main__":
    main(Settings, make_runner)
