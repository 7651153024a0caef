"""What is seen of an engine that dies, hangs or fails, and what who waits for it gets."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import pytest

from gyre_inference import watching
from gyre_inference.watching import Watch
from gyre_service.errors import Unavailable


class FakeEngine:
    """Is as alive as it is told to be; makes what it is asked for, unless it hangs."""

    def __init__(self) -> None:
        self.alive = True
        self.killed = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.probes = 0
        self.fails: Exception | None = None
        self.closed = False

    def lives(self) -> bool:
        return self.alive

    def kill(self) -> None:
        self.killed = True

    async def probe(self) -> None:
        self.probes += 1
        if self.fails:
            raise self.fails
        await self.goes_on.wait()

    async def answer(self) -> AsyncGenerator[str]:
        try:
            yield "one"
            await self.goes_on.wait()
            yield "two"
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_S", 0.01)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def watch(lost: list[str]) -> Watch:
    return Watch(hang_s=0.5, probe_s=0.1, lost=lost.append)


async def over(watch: Watch, engine: FakeEngine) -> None:
    watch.begin()
    await asyncio.wait_for(watch.over(engine, engine.probe), 10)


async def test_until_it_begins_nothing_can_be_asked(watch: Watch) -> None:
    with pytest.raises(Unavailable, match="not ready: loading the model"):
        watch.check()
    watch.begin()
    watch.check()


async def test_a_dead_engine_is_seen_without_traffic(
    watch: Watch, engine: FakeEngine, lost: list[str]
) -> None:
    engine.alive = False
    await over(watch, engine)

    assert lost == ["the engine has died"]
    with pytest.raises(Unavailable, match="the engine has died"):
        watch.check()


async def test_a_hung_engine_is_seen_without_traffic_and_killed(
    watch: Watch, engine: FakeEngine, lost: list[str]
) -> None:
    engine.goes_on.clear()
    await over(watch, engine)

    assert lost == ["the engine hung: no step in 0.5 s"]
    assert engine.probes == 1
    assert engine.killed


async def test_an_engine_that_fails_a_probe_is_lost(
    watch: Watch, engine: FakeEngine, lost: list[str]
) -> None:
    engine.fails = RuntimeError("no memory")
    await over(watch, engine)

    assert lost == ["the engine fails when it is asked for a token: no memory"]


async def running(
    watch: Watch, engine: FakeEngine, meanwhile: Callable[[], Awaitable[None]]
) -> None:
    task = asyncio.create_task(over(watch, engine))
    await asyncio.sleep(0)
    await meanwhile()
    assert not task.done(), "the engine is not lost"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_an_idle_engine_is_probed_again_and_again(watch: Watch, engine: FakeEngine) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.8)

    await running(watch, engine, meanwhile)
    assert engine.probes > 1


async def test_an_engine_at_work_or_that_loads_is_not_probed(
    watch: Watch, engine: FakeEngine
) -> None:
    async def meanwhile() -> None:
        with watch.at_work():
            for _ in range(20):
                await asyncio.sleep(0.04)
                watch.step()
        with watch.undisturbed():
            await asyncio.sleep(0.8)
        with watch.at_work():  # the load is over: this work has its whole time
            await asyncio.sleep(0.2)
            watch.step()  # or it may be looked at once more, idle, before it is cancelled

    await running(watch, engine, meanwhile)
    assert engine.probes == 0


async def test_outputs_pass_and_end(watch: Watch, engine: FakeEngine) -> None:
    watch.begin()
    assert [output async for output in watch.until_lost(engine.answer())] == ["one", "two"]
    assert engine.closed


@pytest.mark.parametrize("hangs", [True, False])
async def test_who_waits_for_a_lost_engine_is_told(
    watch: Watch, engine: FakeEngine, *, hangs: bool
) -> None:
    engine.goes_on.clear()
    task = asyncio.create_task(over(watch, engine))
    await asyncio.sleep(0)
    outputs = watch.until_lost(engine.answer())
    assert await anext(outputs) == "one"
    engine.alive = hangs

    with pytest.raises(Unavailable, match="hung" if hangs else "has died"):
        await anext(outputs)
    assert engine.closed
    await task


async def test_a_caller_that_goes_away_ends_the_work(watch: Watch, engine: FakeEngine) -> None:
    engine.goes_on.clear()
    watch.begin()

    async def listen() -> None:
        async for _ in watch.until_lost(engine.answer()):
            pass

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.closed


async def test_an_error_of_the_engines_own_passes(watch: Watch) -> None:
    async def fails() -> None:
        raise TimeoutError("its own")

    watch.begin()
    with pytest.raises(TimeoutError, match="its own"):
        await watch.or_lost(fails())


async def test_a_stop_is_no_loss(watch: Watch, engine: FakeEngine, lost: list[str]) -> None:
    task = asyncio.create_task(over(watch, engine))
    await asyncio.sleep(0.05)
    watch.reason = "stopping"
    engine.alive = False
    await task
    assert lost == []
