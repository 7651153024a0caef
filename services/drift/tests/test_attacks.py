"""Who makes the world look moved, and what of it stays when that is over."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from gyre_drift.watching.deciding import Raised
from gyre_drift.watching.panel import Asked
from gyre_drift.watching.reference import WINDOW, Reference
from gyre_drift.watching.watch import Watch
from gyre_events import DriftPolicy

from .conftest import World

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = DriftPolicy()


def watching() -> tuple[Reference, Watch]:
    vectors = World(1).questions(400)
    made = Reference.build(UUID(int=7), vectors, [""] * len(vectors))
    return made, Watch.of(made, POLICY, WHEN, (None, None))


def alarm(detector: str, onset: datetime = WHEN) -> Raised:
    return Raised("1", detector, "input", 0, onset, WHEN)


def ask(made: Reference, watch: Watch, persons: Iterable[str]) -> str:
    """Have them ask, a second apart, after all before; return why that was an attack."""
    why, first = "", watch.panel.signals["injection"].events
    for number, person in enumerate(persons):
        at = WHEN + timedelta(seconds=first + number)
        [vector] = World(1, draw=first + number).questions(1)
        watch.question(made, Asked(vector, person, None, 0.0, at))
        seen = watch.attack(made, POLICY)
        why = why or (seen[1] if seen else "")
    return why


def many(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def with_ada(count: int) -> list[str]:
    """Return people, two in five of whose questions are hers."""
    return ["ada" if number % 5 < 2 else f"p{number}" for number in range(count)]


def test_a_few_conversations_at_once_are_no_attack_and_nothing_is_learned_of_them() -> None:
    made, watch = watching()
    watch.count(alarm("novelty"))
    assert ask(made, watch, (f"p{number % 3}" for number in range(30))) == ""
    assert watch.crowded(POLICY)
    assert ask(made, watch, (f"q{number // 5}" for number in range(90))) == ""
    assert not watch.crowded(POLICY)


def test_one_person_since_an_alarm_is_told_of_a_hundred_questions() -> None:
    made, watch = watching()
    watch.count(alarm("novelty"))
    assert ask(made, watch, with_ada(WINDOW - 1)) == ""
    assert watch.crowded(POLICY)
    assert "one person, ada" in ask(made, watch, ["ada"])
    assert watch.counting == []


def test_what_has_moved_for_good_is_an_alarm_again_when_an_attack_has_ended() -> None:
    made, watch = watching()
    signal = watch.panel.signals["novelty"]
    ask(made, watch, with_ada(2 * WINDOW))
    watch.count(alarm("novelty", WHEN + timedelta(days=1)))
    signal.alarmed = True
    ask(made, watch, many("q", WINDOW // 2))
    assert [one.attacked for one in watch.alarms] == [True]
    assert signal.alarmed
    ask(made, watch, many("r", 2 * WINDOW))
    assert watch.alarms == []
    assert not signal.alarmed


def test_an_attack_is_told_once_however_long_ago_it_began() -> None:
    made, watch = watching()
    ask(made, watch, many("p", WINDOW))
    watch.count(alarm("injection", WHEN - timedelta(days=1)))
    assert "prompt injection" in ask(made, watch, ["ada"])
    assert watch.counting == []


def test_questions_that_look_a_little_like_attacks_are_a_bet_that_wins_nothing() -> None:
    for seed in range(2):
        usual = 0.4 * (np.random.default_rng(seed).random(10_000) < 0.048)  # 0.0192 on average
        assert injected(usual.tolist()) is None
    calm = [0.0] * 300
    for burst in ([0.9] * 60, [0.9, 0.0] * 60):
        found = injected([*calm, *burst])
        assert found is not None
        assert found - len(calm) <= 30


def injected(values: Sequence[float]) -> int | None:
    """Return after how many values there is an alarm."""
    signal = watching()[1].panel.signals["injection"]
    for number, value in enumerate(values, 1):
        if signal.update(value, WHEN):
            return number
    return None
