"""Intervals where there is nothing, much, or what comes together."""

import pytest

from gyre_driftbench.measuring import Run, f1, ratio, run_length, run_length_by


def test_without_an_alarm_there_is_no_upper_end() -> None:
    middle, low, high = run_length(100_000, 0)
    assert (middle, high) == (100_000, None)
    assert low == pytest.approx(100_000 / 3.689, rel=1e-3)


@pytest.mark.parametrize(
    ("alarms", "low", "high"),  # of the Poisson mean: chi-square quantiles, halved
    [(1, 0.02532, 5.572), (12, 6.201, 20.962), (100, 81.364, 121.627), (5_000, 4862.4, 5140.5)],
)
def test_the_interval_is_exact_for_few_and_for_thousands(
    alarms: int, low: float, high: float
) -> None:
    middle, shortest, longest = run_length(1_000_000, alarms)
    assert middle == 1_000_000 / alarms
    assert shortest == pytest.approx(1_000_000 / high, rel=2e-3)
    assert longest == pytest.approx(1_000_000 / low, rel=2e-3)


def test_alarms_that_come_together_say_less() -> None:
    events = [10_000] * 20
    spread, together = [1] * 20, [10, 10, *[0] * 18]
    assert run_length_by(events, spread)[1:] == (10_000, 10_000)
    middle, low, high = run_length_by(events, together)
    assert middle == 10_000
    assert low < 5_000
    assert high is None
    assert run_length_by(events, [0] * 20) == run_length(200_000, 0)


def test_a_ratio_is_over_the_same_seeds() -> None:
    theirs = [10.0, 100.0, 1_000.0, 20.0, 50.0]
    assert ratio([each / 2 for each in theirs], theirs) == (0.5, 0.5, 0.5)


def test_f1_has_an_interval_over_seeds() -> None:
    hit = Run([(5, "drift")], [0], frozenset(), 100)
    missed = Run([], [0], frozenset(), 100)
    middle, low, high = f1([[hit, hit], [missed, hit], [hit, hit]])
    assert low < middle < (high or 0) == 1.0
