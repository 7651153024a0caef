"""What is told as published is what Kafka has acknowledged."""

import os
import signal

import pytest

from gyre_service.errors import Unavailable
from gyre_service.kafka import Broker
from gyre_service.settings import ServiceSettings

from ..conftest import Stack
from .conftest import Kafka


async def test_a_broker_that_says_nothing_has_nothing(stack: Stack, kafka: Kafka) -> None:
    settings = kafka.settings.model_dump() | {"publish_timeout_s": 1}
    broker = Broker(ServiceSettings(**settings))
    pid = stack.supervisor.processes()["kafka"].pid
    await broker.start()
    try:
        await broker.publish(b"{}", topic=kafka.topic)  # it is connected, and there is room
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match="not acknowledged"):
            await broker.publish(b"{}", topic=kafka.topic)
    finally:
        os.kill(pid, signal.SIGCONT)
        await broker.stop()
