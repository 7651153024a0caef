"""What the guide shows works as it stands there."""

import re
import types
from pathlib import Path

import pytest

from gyre_driftbench.planning import Plan, run_all
from gyre_driftbench.pool import COMMITTED, read
from gyre_driftbench.running import stream_of
from gyre_driftbench.scenarios import CHANGE, SCENARIOS

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "driftbench.md"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> list[types.ModuleType]:
    """Return the modules that the guide shows, in their order."""
    monkeypatch.setattr("gyre_driftbench.scenarios.SCENARIOS", dict(SCENARIOS))
    found = []
    for text in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        module = types.ModuleType("mine")
        exec(text, module.__dict__)
        found.append(module)
    return found


def test_the_detector_finds_the_switch(modules: list[types.ModuleType], tmp_path: Path) -> None:
    scenarios = (SCENARIOS["none"], SCENARIOS["abrupt_switch"])
    plan = Plan(scenarios, 2, 2_000, 0, COMMITTED)
    found = run_all(
        ("mine", ""), modules[0].Distance, plan, read(COMMITTED), tmp_path / "lines.jsonl"
    )
    for line, _ in found:
        places = [place for place, _ in line["alarms"]]
        if line["changes"]:
            assert any(CHANGE <= place < CHANGE + 100 for place in places)


def test_the_scenario_says_the_same_twice(modules: list[types.ModuleType]) -> None:
    from gyre_driftbench import scenarios

    encoder, pools = read(COMMITTED)
    one = scenarios.SCENARIOS["twice_the_same"]
    live = stream_of(one, 0, 0, pools, encoder).live
    same = [live[at].text == live[at + 1].text for at in range(0, len(live), 2)]
    assert all(same[CHANGE // 2 :])
    assert not all(same[: CHANGE // 2])
    assert len(modules) == 2
