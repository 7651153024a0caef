import sys
import time
from pathlib import Path

import psutil
import pytest

from gyre_bench.errors import BenchError
from gyre_bench.spawning import spawned

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    log = tmp_path / "family.log"

    with spawned([sys.executable, "-c", FAMILY], log) as process:
        seconds = process.until(lambda: log.read_text().endswith("\n"), limit_s=30)
        child = psutil.Process(int(log.read_text()))
        assert child.is_running()

    assert 0 < seconds < 30
    assert not psutil.pid_exists(process.pid)
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:  # killed, not gone yet
        time.sleep(0.05)


def test_one_that_ends_too_early_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    fails = [sys.executable, "-c", "import sys; sys.exit('no such model')"]

    with (
        pytest.raises(BenchError, match="no such model"),
        spawned(fails, tmp_path / "fails.log") as process,
    ):
        process.until(lambda: False)


def test_one_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]

    with (
        pytest.raises(BenchError, match="is not ready"),
        spawned(sleeps, tmp_path / "sleeps.log") as process,
    ):
        process.until(lambda: False, limit_s=0.3)
