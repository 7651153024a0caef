"""What the tables say of alarms, and of detectors that say less than others."""

from typing import Any

from gyre_driftbench.figures import figures
from gyre_driftbench.telling import tables


def line(scenario: str, seed: int, alarms: list[Any], **details: Any) -> dict[str, Any]:
    changed = not scenario.startswith("none")
    fields: dict[str, Any] = {
        "scenario": scenario,
        "seed": seed,
        "alarms": alarms,
        "changes": [10] if changed else [],
        "causes": ["input"] if changed else [],
        "length": 100,
        "us_per_event": 1.0,
        "bytes": 2048,
    }
    return fields | details


def test_who_names_no_cause_and_cannot_be_stored_is_not_told_as_best_or_worst() -> None:
    named = [line("abrupt", 0, [(12, "input")]), line("abrupt", 1, [(12, "mix")])]
    silent = [line("abrupt", seed, [(12, "drift")], bytes=None) for seed in range(2)]
    found = {"named": figures(named), "silent": figures(silent)}
    assert found["named"]["wrong_cause"][0] == 0.5
    assert found["silent"]["wrong_cause"] is None
    told = tables(found)
    [wrong] = [row for row in told.splitlines() if "called wrongly" in row]
    assert wrong.endswith("| - |")
    assert "| state, KiB | 2 | - |" in told


def test_alarms_are_told_by_stream() -> None:
    lines = [line("none", seed, [(1, "input")] * alarms) for seed, alarms in enumerate((0, 3, 1))]
    found = figures(lines)
    assert found["alarms"] == {"none": [0, 3, 1]}
    assert "| none | 4 in 2 of 3, 3 |" in tables({"one": found})


def test_what_not_all_can_see_is_marked_and_no_upper_end_is_told_as_such() -> None:
    found = {"one": figures([line("none", 0, []), line("quality_only", 0, [(12, "input")])])}
    told = tables(found)
    assert "| quality_only (*) | 3 (3 to 3) |" in told
    assert "or more) |" in told
    assert "inf" not in told


def test_who_is_wrong_otherwise_than_wanted_is_told_so() -> None:
    often = figures([line("none", 0, [(1, "drift")] * 9, length=50_000)])
    rarely = figures([line("none", 0, [], length=1_000_000)])
    right = figures([line("none", 0, [(1, "drift")] * 9, length=500_000)])
    assert [often["fair"], rarely["fair"], right["fair"]] == [False, False, True]
    told = tables({"often": often, "rarely": rarely})
    assert "| is that one in 50,000 | no, more often | no, more rarely |" in told
