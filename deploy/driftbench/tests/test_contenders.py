"""Who is run on what, and which lines are whose."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gyre_driftbench import full
from gyre_driftbench.contenders import BASELINES, GYRE, Contender, Where
from gyre_driftbench.lines import add
from gyre_driftbench.planning import Plan
from gyre_driftbench.pool import COMMITTED
from gyre_driftbench.scenarios import SCENARIOS

PLAN = Plan((SCENARIOS["none"],), 2, 10, 20, COMMITTED)


def line_of(key: Any, **other: Any) -> dict[str, Any]:
    names = ("detector", "code", "streams", "scenario", "seed", "length")
    fields = dict(zip(names, key, strict=True)) | {"alarms": [], "changes": [], "causes": []}
    return fields | {"us_per_event": 1.0, "bytes": 1} | other


def test_nobody_is_measured_on_what_anybody_was_tuned_on() -> None:
    assert [seed for _, seed in PLAN.runs()] == [20, 21]
    assert full.FIRST >= full.TUNED_SEEDS
    assert full.FIRST == 20  # Gyre was made with 0 to 19
    assert len({one.file for one in (GYRE, *BASELINES)}) == 1 + len(BASELINES)


def test_lines_of_other_code_streams_seeds_and_lengths_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, name = tmp_path / "gyre.jsonl", "Gyre {}"
    mine = [*PLAN.keys(name, "now")]
    for key in mine:
        add(file, line_of(key, alarms=[[1, "input"]]))
        for other in ({"code": "old"}, {"streams": "old"}, {"seed": 1}, {"length": 20}):
            add(file, line_of(key) | other)
        add(file, line_of(key))

    def run(command: list[str], **_: Any) -> Any:
        assert command[command.index("--first") + 1] == "20"
        return SimpleNamespace(stdout=f"a table\n{json.dumps({'code': 'now'})}\n")

    monkeypatch.setattr(subprocess, "run", run)
    found = GYRE.run({}, PLAN, Where(tmp_path, tmp_path, tmp_path), file)
    assert found == [line_of(key) | {"alarms": []} for key in mine]
    file.write_text("")
    with pytest.raises(KeyError):
        GYRE.run({}, PLAN, Where(tmp_path, tmp_path, tmp_path), file)


def test_who_cannot_be_run_is_named_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Contender, settings: Any, plan: Plan, **_: Any) -> list[dict[str, Any]]:
        if self.name == "Frouros, MMD":
            raise subprocess.CalledProcessError(1, "python")
        found = [line_of(key) for key in plan.keys(self.name, "")]
        names = {line["scenario"] for line in found}
        if plan.first == full.FIRST:
            assert ("encoder_swap" in names) == (self == GYRE)
        return [
            line | ({} if line["scenario"].startswith("none") else {"changes": [2_000]})
            for line in found
        ]

    def traces(_: Contender, settings: list[Any], plan: Plan, __: Where) -> list[list[Any]]:
        shape = {"changes": np.array([2_000]), "quiet": 1, "scores": np.arange(3_000.0)}
        return [
            [{"scenario": one.name, "length": 5_000} | shape for one, _ in plan.runs()]
            for _ in settings
        ]

    def grid(self: Contender, _: Where) -> dict[str, Any]:
        if self.environment == "alibi":
            raise FileNotFoundError("no Python")
        steps = {} if self.environment else {"steps": {"delta": [1.0, 0.1]}}
        return {"settings": [{"window": 5}]} | steps

    monkeypatch.setattr(Contender, "run", run)
    monkeypatch.setattr(Contender, "traces", traces)
    monkeypatch.setattr(Contender, "grid", grid)
    found = full.full(Where(tmp_path, tmp_path, tmp_path), COMMITTED, 2)
    assert {*found["left_out"]} == {
        *("Alibi Detect, online MMD", "Alibi Detect, online LSDD", "Frouros, MMD")
    }
    assert found["settings"]["River ADWIN on the centroid"] == {"window": 5, "delta": 1.0}
    assert found["settings"]["Evidently, MMD"]["threshold"] > 0
    told = full.told(found)
    assert told["left_out"] == found["left_out"]
    json.dumps(told | found, allow_nan=False)
    assert "left_out" not in full.told(found | {"baselines_from": "older"})
