"""Services that accumulate, killed at every point of their work: each event counts once."""

import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.faults.fake_log import streams
from tests.faults.fake_log.history import die_often, differences, dump, sleep_often
from tests.faults.fake_log.life import Program, live
from tests.faults.fake_log.log import Log
from tests.faults.fake_log.mortal import POINTS, Mortal, Point
from tests.faults.fake_log.programs import CASES, Case

Hurt: TypeAlias = Callable[[Program, Log, int, random.Random], Awaitable[Counter[Point]]]

DEATHS = int(os.environ.get("GYRE_FAULTS_DEATHS", "60"))
SLEEPS = DEATHS // 2
OFTEN = {"after_read", "after_handling", "after_offset"}
SEED = int(os.environ.get("GYRE_FAULTS_SEED", "0"))


async def same_in_the_end(home: Path, case: Case, hurt: Hurt, times: int) -> Counter[Point]:
    """Hurt a service that often, beside one that is not; return where it was hurt."""
    hurt_log, alive = Log(), Log()
    for log in (hurt_log, alive):
        poison = streams.fill(log, case.stream(max(case.least, times), SEED), SEED)

    assert await live(case.start(home / "alive"), alive, Mortal())
    where = await hurt(case.start(home / "hurt"), hurt_log, times, random.Random(SEED))

    assert list(differences(hurt_log, alive, case.topics)) == []
    assert {(r.topic, r.partition, r.offset) for r in hurt_log.parked} == poison
    assert await dump(case.start(home / "hurt")) == await dump(case.start(home / "alive"))
    return where


@pytest.mark.timeout(600 + DEATHS)
@pytest.mark.parametrize("name", CASES)
async def test_a_service_that_died_often_is_where_one_is_that_never_did(
    tmp_path: Path, name: str
) -> None:
    died = await same_in_the_end(tmp_path, CASES[name], die_often, DEATHS)

    print(f"{name}, seed {SEED}: {dict(died)}")  # noqa: T201
    assert died.total() == DEATHS
    assert set(died) == set(POINTS)


@pytest.mark.timeout(600 + DEATHS)
@pytest.mark.parametrize("name", CASES)
async def test_one_that_slept_through_a_rebalance_counts_nothing_twice(
    tmp_path: Path, name: str
) -> None:
    where = await same_in_the_end(tmp_path, CASES[name], sleep_often, SLEEPS)

    print(f"{name}, seed {SEED}: slept {dict(where)}")  # noqa: T201
    assert where.total() >= SLEEPS / 2
    assert set(where) >= OFTEN  # drift publishes too seldom to be asleep at it each time
