"""The counting service on topics of its own, killed at the moment that FAULT names.

after_commit: the database has the effect, Kafka knows nothing. after_publish: Kafka
has the result, the offset is not committed. cancel: the second record cancels the task
that consumes. block: the second record blocks the event loop for ever. none: it lives.
"""

import asyncio
import os
import signal
import time
from functools import partial
from typing import Any

from faststream import BaseMiddleware, ContextRepo
from faststream.asgi import AsgiFastStream

from gyre_service import command, stopping
from gyre_service.settings import ServiceSettings
from tests.delivery import counting


class Kill(BaseMiddleware[Any, Any]):
    def __init__(self, msg: Any, /, *, context: ContextRepo, fault: str) -> None:
        super().__init__(msg, context=context)
        self.fault = fault

    async def consume_scope(self, call_next: Any, msg: Any) -> Any:
        consuming = asyncio.current_task()
        if msg.raw_message.offset == 1 and consuming is not None:
            if self.fault == "cancel":
                consuming.cancel()
            if self.fault == "block":
                time.sleep(3600)  # noqa: ASYNC251
        return await call_next(msg)

    async def publish_scope(self, call_next: Any, cmd: Any) -> Any:
        self.kill_at("after_commit")
        return await call_next(cmd)

    async def after_processed(self, *error: Any) -> bool:
        self.kill_at("after_publish")
        return False

    def kill_at(self, point: str) -> None:
        if point == self.fault:
            os.kill(os.getpid(), signal.SIGKILL)


def make_app(settings: ServiceSettings) -> AsgiFastStream:
    counting.Noted.topic = settings.service
    counting.Counted.topic = f"{settings.service}-scored"
    app = counting.make_app(settings)
    app.broker.add_middleware(partial(Kill, fault=os.environ["FAULT"]))  # type: ignore[union-attr]
    return app


if __name__ == "__main__":
    stopping.END_S = 3
    command.main(ServiceSettings, make_app)
