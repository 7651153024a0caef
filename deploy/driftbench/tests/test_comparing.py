"""With whom Gyre is compared, and where."""

import json
from pathlib import Path
from typing import Any

import pytest

from gyre_driftbench.comparing import against_best
from gyre_driftbench.figures import figures
from gyre_driftbench.kept import kept
from gyre_driftbench.scenarios import SCENARIOS

SEEDS = range(20, 24)


def line(scenario: str, seed: int, delay: int | None, detector: str = "") -> dict[str, Any]:
    alarms = [] if delay is None else [[1_999 + delay, "drift"]]
    return {
        "detector": detector,
        "scenario": scenario,
        "seed": seed,
        "alarms": alarms,
        "changes": [2_000],
        "causes": ["input"],
        "length": 5_000,
        "us_per_event": 1.0,
        "bytes": 1,
    }


def of(delays: dict[str, list[int | None]]) -> dict[str, Any]:
    return figures(
        [
            line(scenario, seed, delay)
            for scenario, each in delays.items()
            for seed, delay in zip(SEEDS, each, strict=True)
        ]
    )


def test_the_best_of_those_that_find_it_is_compared_with_on_the_same_seeds() -> None:
    gyre = of({"abrupt_switch": [4, 4, 5, 6], "partial_5": [100] * 4, "quality_only": [9] * 4})
    others = {
        "slow": of({"abrupt_switch": [40] * 4, "partial_5": [None, None, None, 10]}),
        "soon": of({"abrupt_switch": [20, 20, 25, 30], "quality_only": [900] * 4}),
    }
    found = against_best(gyre, others)
    assert found["at_most_half"] == found["surely"] == ["abrupt_switch"]
    assert found["missed"] == ["partial_5"]
    assert found["by_scenario"]["abrupt_switch"]["best"] == "soon"
    assert found["by_scenario"]["abrupt_switch"]["ratio"] == pytest.approx((0.2, 0.2, 0.2))
    assert "quality_only" not in found["by_scenario"]  # nobody else can see it


def test_what_vectors_do_not_show_counts_for_one_f1_only() -> None:
    assert {one.name for one in SCENARIOS.values() if not one.compared} == {
        *("quality_only", "heavy_user_40", "documents_removed"),
        *("injection_burst_60", "encoder_swap"),
    }
    blind = of({"abrupt_switch": [4] * 4, "quality_only": [None] * 4})
    assert blind["f1_compared"][0] == 1
    assert blind["f1"][0] == pytest.approx(2 / 3)


def test_a_look_says_what_its_baselines_are_from(tmp_path: Path) -> None:
    assert kept(tmp_path) == ({}, f"nothing: no full.json in {tmp_path}")
    (tmp_path / "baselines.jsonl").write_text(json.dumps(line("abrupt_switch", 3, 9, "plain")))
    found, said = kept(tmp_path)
    assert [*found] == ["plain (older code)"]
    assert said.endswith("lines of older code, seeds 3 to 3")
    last = {"at": "2026-12-01T00:00:00+00:00", "figures": {"Gyre": {}, "plain": {"seeds": []}}}
    (tmp_path / "full.json").write_text(json.dumps(last))
    found, said = kept(tmp_path)
    assert [*found] == ["plain (run of 2026-12-01)"]
    assert said.endswith("whole run of 2026-12-01")
