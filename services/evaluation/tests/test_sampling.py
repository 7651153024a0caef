from uuid import UUID

import pytest

from gyre_evaluation.sampling import is_sampled

IDS = [UUID(int=n) for n in range(10_000)]


@pytest.mark.parametrize("share", [0.01, 0.25, 0.9])
def test_about_the_share_is_chosen(share: float) -> None:
    chosen = sum(is_sampled(id, share) for id in IDS)

    # Five standard deviations of a binomial variable.
    assert abs(chosen - share * 10_000) < 5 * (10_000 * share * (1 - share)) ** 0.5


def test_a_larger_share_contains_a_smaller_one() -> None:
    assert all(is_sampled(id, 0.5) for id in IDS if is_sampled(id, 0.1))


def test_all_and_none() -> None:
    assert all(is_sampled(id, 1) for id in IDS)
    assert not any(is_sampled(id, 0) for id in IDS)
