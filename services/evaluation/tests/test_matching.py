import pytest

from gyre_evaluation.matching import is_right


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("1889", "1889"),
        ("It was built in 1889 [1].", "1889"),
        ("THE EIFFEL TOWER!", "Eiffel Tower"),
        ("1,000 metres", "1000 metres"),
        ("3,50 euros", "3.5 euros"),
        ("the tower's lift", "towers lift"),
        ("\uff11\uff18\uff18\uff19", "1889"),  # full-width digits
        ("Mainz [2][3]", "Mainz"),
    ],
)
def test_right(answer: str, accepted: str) -> None:
    assert is_right(answer, [accepted])


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("", "1889"),
        ("1890", "1889"),
        ("18891", "1889"),
        ("[1889]", "1889"),  # a citation is no answer
        ("tower of Eiffel", "Eiffel tower"),
        ("10.5", "105"),
        ("word " * 61 + "1889", "1889"),
    ],
)
def test_not_right(answer: str, accepted: str) -> None:
    assert not is_right(answer, [accepted])


def test_one_of_several_is_enough() -> None:
    assert is_right("three years", ["3 years", "three years"])
    assert not is_right("anything", [])
