from tests.faults.harness.lag import Look, bounds


def test_what_comes_between_two_looks_is_within_the_bounds() -> None:
    # Ten came at once and were handled one by one: no look saw more than five waiting.
    assert bounds([Look(100, 105), Look(108, 110), Look(110, 110)]) == (0, 10)


def test_a_log_that_only_grows_is_known_to_grow() -> None:
    assert bounds([Look(0, 50), Look(0, 60), Look(0, 70)]) == (50, 70)
