import asyncio
import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from gyre_service import loop_watch
from gyre_service.loop_watch import LoopWatch
from gyre_service.settings import ServiceSettings

LIMIT_S, PATIENCE_S, LOOK_S = 0.05, 0.5, 0.02


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopWatch]:
    monkeypatch.setattr(loop_watch, "LOOK_S", LOOK_S)
    made = LoopWatch(ServiceSettings(service="x", max_loop_lag_s=LIMIT_S, late_loop_s=PATIENCE_S))
    yield made
    made.stop()


async def test_a_loop_that_is_blocked_for_long_ends_the_process(
    watch: LoopWatch, signals: list[int]
) -> None:
    watch.start()

    time.sleep(3 * PATIENCE_S)  # noqa: ASYNC251 (what must not be done is what is seen)

    assert len(signals) == 1
    assert (REGISTRY.get_sample_value("gyre_event_loop_lag_seconds") or 0) > LIMIT_S


async def test_a_loop_that_is_late_now_and_then_does_not(
    watch: LoopWatch, signals: list[int]
) -> None:
    watch.start()

    for _ in range(6):  # together longer than the patience
        time.sleep(PATIENCE_S / 3)  # noqa: ASYNC251
        await asyncio.sleep(5 * LOOK_S)  # several looks find nothing late

    assert signals == []


async def test_a_loop_that_is_not_late_yet_at_one_look_is_no_better_for_it(
    watch: LoopWatch, signals: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_watch, "LOOK_S", LIMIT_S / 2)  # the first look is too early to tell
    watch.start()

    end = time.monotonic() + 10 * PATIENCE_S
    while not signals and time.monotonic() < end:  # each time a little late, and never in time
        time.sleep(2 * LIMIT_S)  # noqa: ASYNC251
        await asyncio.sleep(0)

    assert len(signals) == 1
