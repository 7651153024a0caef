"""Builds the gateway. The only module that does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from faststream.asgi import AsgiFastStream

from gyre_events import RolloutChanged
from gyre_gateway import backlog
from gyre_gateway.access import Callers, ensure_keys
from gyre_gateway.blobs import Blobs
from gyre_gateway.clients import Drift, Evaluation, Inference, Registry, Retrieval
from gyre_gateway.console.figures import Counting
from gyre_gateway.console.router import console
from gyre_gateway.gateway import Gateway
from gyre_gateway.handlers import router
from gyre_gateway.live import Feed, News
from gyre_gateway.server import bind, serving_web
from gyre_gateway.settings import Settings
from gyre_gateway.web import make_web
from gyre_service.kafka import Broker, announce
from gyre_service.process import Process, make_process
from gyre_service.rpc import INFERENCE, channel


def make_app(settings: Settings) -> AsgiFastStream:
    broker = Broker(settings)
    broker.include_router(router)

    @asynccontextmanager
    async def parts(process: Process) -> AsyncIterator[None]:
        if process.replaying:
            yield  # handlers need none of the following
            return
        await ensure_keys(process.sessions, settings)
        feed = Feed(process.sessions, settings.poll_s, settings.max_live_clients)

        def rolled_out(tenant: str, row: RolloutChanged) -> None:
            feed.tell(tenant, News("rollout", row.model_dump(mode="json")))

        rollouts = process.table(RolloutChanged, rolled_out)
        await rollouts.start()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(rollouts.stop)
            await feed.begin()  # before anybody can listen: they would miss what comes between
            following = asyncio.create_task(feed.run())
            stack.push_async_callback(_ended, following)
            channels = [
                await stack.enter_async_context(one)
                for one in (
                    channel(settings.inference_address, INFERENCE),
                    channel(settings.retrieval_address),
                    channel(settings.registry_address),
                    channel(settings.evaluation_address),
                    channel(settings.drift_address),
                )
            ]
            callers = Callers(process.sessions, settings.key_pepper.get_secret_value())
            stack.push_async_callback(callers.close)
            deadline_s = settings.call_deadline_s
            gateway = Gateway(
                settings=settings,
                sessions=process.sessions,
                callers=callers,
                rollouts=rollouts,
                inference=Inference(channels[0], settings.inference_deadline_s),
                retrieval=Retrieval(channels[1], deadline_s),
                registry=Registry(channels[2], deadline_s),
                evaluation=Evaluation(channels[3], deadline_s, settings.evaluation_deadline_s),
                drift=Drift(channels[4], deadline_s),
                announce=partial(announce, broker),
                blobs=Blobs(settings.blob_url),
                feed=feed,
                counting=Counting(process.sessions),
                backlog=await stack.enter_async_context(backlog.following(settings)),
            )
            assert settings.http_port is not None
            at = bind(settings.host, settings.http_port)
            stack.callback(at.close)

            @asynccontextmanager
            async def web() -> AsyncIterator[None]:
                pages = make_web(gateway, (console(),))
                async with serving_web(pages, at, settings.trusted_proxies) as serving:

                    async def http() -> str:
                        return "the HTTP server has ended" if serving.done() else ""

                    process.checks["http"] = http
                    try:
                        yield
                    finally:
                        feed.close()  # before the server's end: open streams would hold it

            async def live() -> str:
                return "live changes have ended" if following.done() else ""

            process.checks["live"] = live
            del process.checks["kafka"]  # questions are answered without it, the rest is refused
            # Its requests publish: one would be refused while the broker starts or stops.
            process.doors.append(web)
            yield

    return make_process(settings, broker, parts)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)  # its session ends before the database
