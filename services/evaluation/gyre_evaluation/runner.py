"""The runner of the evaluation service: `python -m gyre_evaluation.runner`. It only does jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.asgi import AsgiFastStream

from gyre_evaluation.evaluating import Evaluator
from gyre_evaluation.settings import Settings
from gyre_evaluation.shadowing import Shadower
from gyre_evaluation.work import Evaluation, Shadow
from gyre_events import RolloutChanged
from gyre_service.command import main
from gyre_service.jobs import work
from gyre_service.kafka import Broker
from gyre_service.process import Process, make_process
from gyre_service.rpc import INFERENCE, channel
from gyre_service.stopping import stop_process


def make_runner(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        rollouts = process.table(RolloutChanged)
        await rollouts.start()
        async with channel(settings.inference_address, INFERENCE) as inference:
            sessions = process.sessions
            evaluator = Evaluator(settings, sessions, inference, rollouts.get)
            shadower = Shadower(settings, sessions, inference, rollouts.get)
            lease_s = settings.lease_s
            working = [
                asyncio.create_task(work(sessions, Evaluation, evaluator.do, lease_s=lease_s)),
                asyncio.create_task(work(sessions, Shadow, shadower.do, lease_s=lease_s)),
            ]
            for task in working:
                task.add_done_callback(_ended)
            try:
                yield
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)
                await rollouts.stop()

    return make_process(settings, broker, parts)


def _ended(working: asyncio.Task[None]) -> None:
    if not working.cancelled():  # a bug: another start may get further, and somebody sees it
        stop_process(f"the runner ended: {working.exception()!r}")


if __name__ == "__main__":
    main(Settings, make_runner)
