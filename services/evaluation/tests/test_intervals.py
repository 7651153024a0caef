import numpy as np
import pytest

from gyre_evaluation.intervals import bootstrap, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_as_published(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_more_successes_than_trials_are_a_bug(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, trials)


def test_the_bootstrap_repeats_itself() -> None:
    values = list(np.random.default_rng(1).random(30))

    assert bootstrap(values, np.mean) == bootstrap(values, np.mean)


def test_the_bootstrap_of_a_mean_is_about_the_normal_one() -> None:
    values = list(np.random.default_rng(2).normal(5, 2, 400))
    low, high = bootstrap(values, np.mean)

    assert high - low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.1)
    assert low < np.mean(values) < high
