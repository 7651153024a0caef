"""The harness's faults that take a minute or two, each once, on the stack of all other tests."""

import json
import random
from dataclasses import asdict
from pathlib import Path

import pytest

from ..conftest import Stack
from .harness.fault import EVENTS, Fault, Field
from .harness.field import prepare
from .harness.r02_zombie import R2
from .harness.r03_members import R3
from .harness.r04_broker import R4
from .harness.r08_dependency import R8
from .harness.r11_rolling import R11
from .harness.r17_cancelled import R17
from .harness.report import passed

# Not R7: what was parked comes at another place than a replay of all tests would handle it.
QUICK = (R2, R3, R4, R8, R11, R17)
SEED = 0


@pytest.fixture(scope="module")
def field(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Field:
    ledgers: Path = tmp_path_factory.mktemp("ledgers")
    return prepare(stack, ledgers, EVENTS["smoke"])


@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.name)
def test_nothing_is_lost_double_or_late(field: Field, fault: Fault) -> None:
    [(into, number)] = fault.plan("smoke")
    trial = asdict(fault.inject(field, into, random.Random(f"{SEED} {fault.name} {number}")))
    assert passed([trial]), json.dumps(trial)  # pytest would shorten it
