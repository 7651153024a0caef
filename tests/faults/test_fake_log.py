"""Services that accumulate, killed at every point of their work: each event counts once."""

import os
import random
from pathlib import Path

import pytest

from tests.faults.fake_log import streams
from tests.faults.fake_log.history import die_often, differences, dump, sleep_often
from tests.faults.fake_log.life import live
from tests.faults.fake_log.log import Log
from tests.faults.fake_log.mortal import POINTS, Mortal
from tests.faults.fake_log.programs import CASES

DEATHS = int(os.environ.get("GYRE_FAULTS_DEATHS", "60"))
SLEEPS = DEATHS // 2
OFTEN = {"after_read", "after_handling", "after_offset"}
SEED = int(os.environ.get("GYRE_FAULTS_SEED", "0"))


@pytest.mark.timeout(600 + DEATHS)
@pytest.mark.parametrize("name", CASES)
async def test_a_service_that_died_often_is_where_one_is_that_never_did(
    tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    killed, alive = Log(), Log()
    for log in (killed, alive):
        poison = streams.fill(log, case.stream(max(case.least, DEATHS), SEED), SEED)

    assert await live(case.start(tmp_path / "alive"), alive, Mortal())
    died = await die_often(case.start(tmp_path / "killed"), killed, DEATHS, random.Random(SEED))

    print(f"{name}, seed {SEED}: {dict(died)}")  # noqa: T201
    assert list(differences(killed, alive, case.topics)) == []
    assert {(r.topic, r.partition, r.offset) for r in killed.parked} == poison
    assert await dump(case.start(tmp_path / "killed")) == await dump(case.start(tmp_path / "alive"))
    assert died.total() == DEATHS
    assert set(died) == set(POINTS)


@pytest.mark.timeout(600 + DEATHS)
@pytest.mark.parametrize("name", CASES)
async def test_one_that_slept_through_a_rebalance_counts_nothing_twice(
    tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    slept, alone = Log(), Log()
    for log in (slept, alone):
        streams.fill(log, case.stream(max(case.least, SLEEPS), SEED), SEED)

    assert await live(case.start(tmp_path / "alone"), alone, Mortal())
    where = await sleep_often(case.start(tmp_path / "slept"), slept, SLEEPS, random.Random(SEED))

    print(f"{name}, seed {SEED}: slept {dict(where)}")  # noqa: T201
    assert list(differences(slept, alone, case.topics)) == []
    assert await dump(case.start(tmp_path / "slept")) == await dump(case.start(tmp_path / "alone"))
    assert where.total() >= SLEEPS / 2
    assert set(where) >= OFTEN  # drift publishes too seldom to be asleep at it each time
