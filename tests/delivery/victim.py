"""The counting service on topics of its own, killed at the moment that FAULT names.

after_commit: the database has the effect, Kafka knows nothing. after_publish: Kafka
has the result, the offset is not committed. none: it lives.
"""

import os
import signal
from functools import partial
from typing import Any

import anyio
from faststream import BaseMiddleware, ContextRepo

from gyre_service.settings import ServiceSettings
from tests.delivery import counting


class Kill(BaseMiddleware[Any, Any]):
    def __init__(self, msg: Any, /, *, context: ContextRepo, fault: str) -> None:
        super().__init__(msg, context=context)
        self.fault = fault

    async def publish_scope(self, call_next: Any, cmd: Any) -> Any:
        self.kill_at("after_commit")
        return await call_next(cmd)

    async def after_processed(self, *error: Any) -> bool:
        self.kill_at("after_publish")
        return False

    def kill_at(self, point: str) -> None:
        if point == self.fault:
            os.kill(os.getpid(), signal.SIGKILL)


def main(settings: ServiceSettings, fault: str) -> None:
    counting.Noted.topic = settings.service
    counting.Counted.topic = f"{settings.service}-scored"
    app = counting.make_app(settings)
    app.broker.add_middleware(partial(Kill, fault=fault))  # type: ignore[union-attr]
    options: dict[str, Any] = {"host": "127.0.0.1", "port": "0"}
    anyio.run(partial(app.run, run_extra_options=options))


if __name__ == "__main__":
    main(ServiceSettings(service=os.environ["GYRE_SERVICE"]), os.environ["FAULT"])
