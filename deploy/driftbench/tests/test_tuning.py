"""Which settings are taken."""

from math import log
from typing import Any

import numpy as np
import pytest

from gyre_driftbench.tuning import Tuned, best, first_rare, most_allowed, of_lines, of_traces

EVENTS = 300_000


def tuned(name: str, false: int, log_delay: float) -> Tuned:
    return Tuned({"name": name}, false, EVENTS, log_delay)


def test_the_soonest_of_those_that_are_rarely_enough_wrong_is_taken() -> None:
    found = [tuned("eager", 7, 1.0), tuned("slow", 0, 5.0), tuned("right", 6, 3.0)]
    assert most_allowed(EVENTS) == 6
    assert best(found).settings == {"name": "right"}


def test_if_none_is_the_most_rarely_wrong_is_taken_and_is_not_fair() -> None:
    found = best([tuned("eager", 70, 1.0), tuned("less", 17, 2.0)])
    assert found.settings == {"name": "less"}
    assert not found.is_rare


@pytest.mark.parametrize("first", [0, 1, 4, 8, 9])
def test_the_first_rare_step_is_found_by_asking_few(first: int) -> None:
    asked = []

    def is_rare(step: float) -> bool:
        asked.append(step)
        return step >= first

    assert first_rare([*range(10)], is_rare) == first
    assert len(asked) <= 4


def test_what_is_missed_counts_as_all_of_the_stream_and_delays_by_their_logarithms() -> None:
    def line(scenario: str, alarms: list[Any]) -> dict[str, Any]:
        changes = [] if scenario == "none" else [2_000]
        return {"scenario": scenario, "alarms": alarms, "changes": changes, "length": 5_000}

    lines = [
        line("none", [[3, "drift"]]),
        line("partial_20", []),
        line("partial_20", [[2_009, ""]]),
    ]
    found = of_lines({}, lines)
    assert (found.false, found.events) == (1, 5_000)
    assert found.log_delay == pytest.approx((log(5_000) + log(10)) / 2)


def test_a_threshold_follows_from_the_scores_where_nothing_changes() -> None:
    rng = np.random.default_rng(0)
    same = [rng.normal(size=10_000) for _ in range(10)]
    moved = np.concatenate([rng.normal(size=2_000), np.full(1_000, 9.0)])
    none = {"scenario": "none", "length": 10_000, "changes": [], "quiet": 1}
    switch = {"scenario": "abrupt_switch", "length": 5_000, "changes": [2_000], "quiet": 1}
    traces = [*(none | {"scores": one} for one in same), switch | {"scores": moved}]
    found = of_traces({"window": 50}, traces)
    assert found.false == most_allowed(found.events) == 2
    assert found.settings["window"] == 50
    assert found.settings["threshold"] == sorted(np.concatenate(same))[-3]
    assert found.log_delay == 0
