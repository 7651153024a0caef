import os
from unittest.mock import Mock

import psutil
import pytest

from gyre_bench.processes import Processes


def fake(seconds: list[float], children: tuple[Mock, ...] = ()) -> Mock:
    """Return a process whose processor time is the next of `seconds` each time it is asked."""
    process = Mock()
    process.cpu_times.side_effect = [Mock(user=each, system=0.0) for each in seconds]
    process.children.return_value = children
    return process


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[int, Mock]:
    known: dict[int, Mock] = {}
    monkeypatch.setattr(psutil, "Process", known.__getitem__)
    return known


def test_the_child_of_inference_is_the_engine(found: dict[int, Mock]) -> None:
    found[1] = fake([10.0, 11.0], children=(fake([100.0, 108.0]),))
    found[2] = fake([5.0, 5.0], children=(fake([1.0, 2.0]),))
    looked_at = Processes({"inference": 1, "finetune-runner": 2})

    before = looked_at.used()

    assert looked_at.shares(before, elapsed_s=4.0) == {
        "inference": 0.25,
        "engine": 2.0,
        "finetune-runner": 0.25,
    }


def test_who_asks_does_not_count_what_it_has_started(found: dict[int, Mock]) -> None:
    found[1] = fake([1.0], children=(fake([50.0]),))

    assert Processes({"client": 1}).used() == {"client": 1.0}


def test_a_process_that_is_gone_is_left_out(found: dict[int, Mock]) -> None:
    found[1] = fake([1.0])
    found[1].cpu_times.side_effect = psutil.NoSuchProcess(1)

    assert Processes({"gateway": 1}).used() == {}


def test_this_process_uses_processor_time() -> None:
    assert Processes({"client": os.getpid()}).used()["client"] > 0
