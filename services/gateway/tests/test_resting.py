import pytest

from gyre_gateway import resting
from gyre_gateway.resting import Resting
from gyre_service.errors import Unavailable


def ask(rest: Resting, error: Unavailable | None) -> None:
    with rest.asking():
        if error is not None:
            raise error


def test_who_says_how_long_it_is_away_is_asked_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = 100.0
    monkeypatch.setattr("gyre_gateway.resting.time.monotonic", lambda: clock)
    rest = Resting()
    with pytest.raises(Unavailable):
        ask(rest, Unavailable("loading", after_s=5))

    with pytest.raises(Unavailable, match="loading") as told:
        ask(rest, None)
    assert told.value.after_s == 5

    clock += resting.MOST_S
    ask(rest, None)


def test_who_does_not_say_it_is_asked_again() -> None:
    rest = Resting()
    with pytest.raises(Unavailable):
        ask(rest, Unavailable("Connection refused"))

    ask(rest, None)
