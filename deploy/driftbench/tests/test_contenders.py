"""Which lines are whose."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gyre_driftbench.contenders import BASELINES, GYRE
from gyre_driftbench.detectors.gyre import Gyre
from gyre_driftbench.pool import COMMITTED
from gyre_driftbench.running import Plan
from gyre_driftbench.scenarios import SCENARIOS


def test_gyre_is_measured_on_seeds_that_it_was_not_made_with() -> None:
    assert GYRE.first == 20
    assert {one.first for one in BASELINES} == {0}
    seeds = [seed for _, seed in Plan((SCENARIOS["none"],), 2, 10, GYRE.first).runs()]
    assert seeds == [20, 21]


def test_lines_of_other_code_and_other_seeds_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, now = tmp_path / "gyre.jsonl", "Gyre {} now"
    there = [(now, 20), (now, 0), ("Gyre {}", 20), ("Gyre {} before", 20)]
    results.write_text("".join(json.dumps({"detector": n, "seed": s}) + "\n" for n, s in there))

    def run(command: list[str], **_: Any) -> Any:
        assert command[command.index("--first") + 1] == "20"
        return SimpleNamespace(stdout=f"a table\n{json.dumps({now: {}})}\n")

    monkeypatch.setattr(subprocess, "run", run)
    found = GYRE.run({}, results, tmp_path, seeds=20, events=10)
    assert found == [{"detector": now, "seed": 20, "settings": {}}]


def test_the_code_of_gyre_is_its_signals_and_the_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Gyre.code(COMMITTED)
    assert Gyre.code(COMMITTED) == before
    other = tmp_path / "pool.npz"
    other.write_bytes(b"others")
    assert Gyre.code(other) != before
    (tmp_path / "panel.py").write_text("RARE = 1\n")
    monkeypatch.setattr("gyre_drift.watching.__path__", [str(tmp_path)])
    assert Gyre.code(COMMITTED) != before
