import random
import time

import pytest

from gyre_feedback.editing import edit_distance


@pytest.mark.parametrize(
    ("answer", "edited", "distance"),
    [
        ("two years [1]", "two years [1]", 0),
        ("two years", "three years", 0.5),
        ("two years", "", 1),
        ("", "two years", 1),
        ("", " ", 0),
        ("a b c d", "d a b c", 0.25),
        ("one " * 300, "one " * 300, 0),  # as often as they like
        ("one " * 300, "one " * 100, 0.5),
    ],
)
def test_how_far_an_edit_is(answer: str, edited: str, distance: float) -> None:
    assert edit_distance(answer, edited) == distance
    assert edit_distance(edited, answer) == distance


def test_nobody_can_hold_others_up_with_an_edit() -> None:
    rng = random.Random(1)
    texts = [" ".join(rng.choices("abcdef", k=10_000)) for _ in range(2)]
    began = time.monotonic()
    assert 0 < edit_distance(*texts) < 1
    assert time.monotonic() - began < 2
