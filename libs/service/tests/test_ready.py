import asyncio
import signal

import pytest
from prometheus_client import REGISTRY

from gyre_service import process
from gyre_service.kafka import Broker
from gyre_service.process import Process
from gyre_service.settings import ServiceSettings


async def test_a_check_that_fails_is_a_reason_and_the_next_look_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "CHECK_S", 0)
    settings = ServiceSettings(service="x")
    watched, looks, looked = Process(settings, Broker(settings), ""), 0, asyncio.Event()
    seen: list[float | None] = []

    async def broken() -> str:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ValueError("nobody thought of this")
        seen.append(REGISTRY.get_sample_value("gyre_ready", {"check": "odd"}))
        if looks == 3:
            looked.set()
        return ""

    watched.checks = {"odd": broken}
    watching = asyncio.create_task(watched.watch())
    async with asyncio.timeout(5):
        await looked.wait()
    watching.cancel()

    assert watched.ready()
    assert seen[:2] == [0, 1]


@pytest.mark.parametrize("error", [None, ValueError("nobody thought of this")])
async def test_work_that_ends_by_itself_ends_the_process(
    signals: list[int], error: Exception | None
) -> None:
    settings = ServiceSettings(service="x")
    process = Process(settings, Broker(settings), "")

    async def work() -> None:
        if error is not None:
            raise error

    async with process.beside(work, "odd", "nobody looks any more"):
        await asyncio.sleep(0.01)
        assert signals == [signal.SIGTERM]
        assert await process.checks["odd"]() == "nobody looks any more"


async def test_work_that_is_ended_with_the_process_is_no_reason(signals: list[int]) -> None:
    settings = ServiceSettings(service="x")
    process = Process(settings, Broker(settings), "")

    async def work() -> None:
        await asyncio.Event().wait()

    async with process.beside(work, "odd", "ended"):
        await asyncio.sleep(0.01)

    assert signals == []
