"""Services that accumulate, killed at every point of their work: each event counts once."""

import os
import random
from pathlib import Path

import pytest

from tests.faults.fake_log import streams
from tests.faults.fake_log.history import die_often, differences, dump
from tests.faults.fake_log.life import live
from tests.faults.fake_log.log import Log
from tests.faults.fake_log.mortal import POINTS, Mortal
from tests.faults.fake_log.programs import CASES

DEATHS = int(os.environ.get("GYRE_FAULTS_DEATHS", "60"))
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
