import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import exp, log
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from gyre_drift.watching.attack import Limits, Window
from gyre_drift.watching.crowd import SAID, SEEN, Crowd, Voices
from gyre_drift.watching.evidence import Rise, threshold_for
from gyre_drift.watching.means import Larger
from gyre_drift.watching.mix import Mix
from gyre_drift.watching.ranks import Further, Unusual, expected, payoff, surprise
from gyre_drift.watching.reference import WINDOW
from gyre_drift.watching.signals import QUIET, Alarm, Signal

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
THRESHOLD = threshold_for(50_000, 8)
P = (np.arange(100_000) + 0.5) / 100_000  # uniform, without chance


def unusual(share: float = 0.5, seed: int = 1, count: int = 1_000) -> Unusual:
    return Unusual.of(np.random.default_rng(seed).normal(size=count).tolist(), share)


def feed(signal: Signal, values: NDArray[np.float64], killed_at: int = -1) -> list[Alarm]:
    """Return the alarms of values that come a second apart; a killed signal is restored."""
    found = []
    for number, value in enumerate(values):
        if number == killed_at:
            signal = pickle.loads(pickle.dumps(signal))
        found.append(signal.update(float(value), WHEN + timedelta(seconds=number)))
    return [alarm for alarm in found if alarm is not None]


def test_a_bet_on_nothing_wins_nothing() -> None:
    assert np.mean([payoff(p) for p in P]) == pytest.approx(1, abs=1e-3)
    for share in (0.1, 0.5):
        logs = np.array([surprise(p, share) for p in P])
        assert np.exp(logs).mean() == pytest.approx(1, abs=1e-3)
        assert logs.mean() == pytest.approx(expected(share), abs=1e-3)
        assert expected(share) < 0
    every = Further.of(P.tolist(), 1.0)
    paid = np.array([every.of_value(value) for value in P[::100]])
    assert np.exp(paid).mean() == pytest.approx(1, abs=0.01)
    assert paid.mean() == pytest.approx(every.expected, abs=0.01)
    assert every.expected < 0


@pytest.mark.parametrize("mean", [0.02, 0.12, 0.5])
def test_a_bet_on_a_mean_that_stayed_wins_nothing(mean: float) -> None:
    rng = np.random.default_rng(2)
    bet = Larger.of((rng.random(200) < mean).astype(float).tolist())
    paid = [exp(bet.of_value(float(value))) for value in rng.random(20_000) < mean]
    assert np.mean(paid) < 1.02
    assert bet.expected < 0


@pytest.mark.parametrize("count", [50, 200])
def test_what_never_was_in_so_few_values_may_be_in_the_next_ones(count: int) -> None:
    bet = Larger.of([0.0] * count)
    rare = 2 / count  # one calibration in seven has none of it
    paid = (1 - rare) * exp(bet.of_value(0.0)) + rare * exp(bet.of_value(1.0))
    assert paid < 1
    assert Larger.of([0.2] * count).most > 0.2


def test_false_alarms_are_no_more_than_the_threshold_says() -> None:
    lengths = []
    for seed in range(20):
        rng, bet = np.random.default_rng(seed), unusual(seed=seed)
        rise, events = Rise(log(500), bet.expected, bet.calibrated), 0
        while not rise.update(value := float(rng.normal()), WHEN, bet.of_value(value)):
            events += 1
        lengths.append(events)
    assert np.mean(lengths) > 500


def test_the_usual_raises_no_alarm() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    assert feed(Signal("x", "input", THRESHOLD, bet=unusual()), values) == []


@pytest.mark.parametrize("control", [0, 10, 3_000])
def test_a_change_is_found_however_early_it_comes_and_by_whom(control: int) -> None:
    early = []
    for seed in range(10):
        values = np.random.default_rng(seed).normal(size=control + 60)
        values[control:] += 4
        [alarm] = feed(Signal("x", "input", THRESHOLD, bet=unusual()), values)
        assert control < alarm.events <= control + 10
        early.append(control - (alarm.onset - WHEN).total_seconds())
        assert alarm.size > 0.5  # of a few values, some of them from before
        # Killed on the way to the alarm, it raises the same.
        again = Signal("x", "input", THRESHOLD, bet=unusual())
        assert feed(again, values, killed_at=control + 2) == [alarm]
    # A few unusual ones by chance just before it are taken for its beginning.
    assert abs(np.median(early)) <= 2
    assert max(np.abs(early)) <= 40


def test_a_few_new_ones_among_many_are_found_by_who_looks_for_a_few() -> None:
    delays: dict[float, list[int]] = {0.5: [], 0.1: []}
    for share, found in delays.items():
        for seed in range(10):
            rng = np.random.default_rng(seed)
            values = rng.normal(size=1_500) + 5 * (rng.random(1_500) < 0.05)
            alarms = feed(Signal("x", "input", THRESHOLD, bet=unusual(share)), values)
            found.append(alarms[0].events if alarms else 1_500)
    assert np.median(delays[0.1]) < np.median(delays[0.5]) < 300


def test_a_little_of_all_of_them_is_found_by_who_looks_for_that() -> None:
    delays: dict[type[Unusual], list[int]] = {Unusual: [], Further: []}
    for bet, found in delays.items():
        for seed in range(10):
            past, values = np.random.default_rng(seed).normal(size=(2, 1_000))
            signal = Signal("x", "input", THRESHOLD, bet=bet.of(past.tolist(), 0.5))
            alarms = feed(signal, values + 0.4)
            found.append(alarms[0].events if alarms else 1_000)
    assert np.median(delays[Further]) < 300 < np.median(delays[Unusual])


def test_a_world_that_stays_moved_is_one_alarm_and_one_episode() -> None:
    values = np.random.default_rng(7).normal(size=3_000) + 3
    signal = Signal("x", "input", THRESHOLD, bet=unusual())
    assert len(feed(signal, values)) == 1
    assert signal.alarmed
    assert feed(signal, np.random.default_rng(8).normal(size=4 * QUIET)) == []
    assert not signal.alarmed


def test_a_signal_without_a_past_learns_from_its_first_values() -> None:
    rng = np.random.default_rng(3)
    values = (rng.random(900) < np.repeat([0.1, 0.6], (600, 300))).astype(float)
    signal = Signal("x", "people", THRESHOLD, learn=Larger.of, wanted=200)
    assert signal.state == "calibrating"
    [alarm] = feed(signal, values, killed_at=100)
    assert 400 < alarm.events < 470
    assert alarm.size > 1  # the likeliest stretch is one in which almost all are bad


def seasons(rng: np.random.Generator, events: int, *, moved: bool = False) -> list[int]:
    """Return clusters that have their times of the day; two of six, if they have moved."""
    phases = np.arange(6)
    found = []
    for event in range(events):
        shares = 1 + 0.8 * np.sin(2 * np.pi * event / 500 + phases)
        shares = np.where(phases < 2, 6.0, shares) if moved else shares
        found.append(int(rng.choice(6, p=shares / shares.sum())))
    return found


def test_what_comes_back_each_day_is_no_change_and_what_never_was_is_one() -> None:
    rng = np.random.default_rng(4)
    past = seasons(rng, 2_000)

    def alarms(live: list[int], *, ordered: bool) -> list[Alarm]:
        mix = Mix(past, 6, ordered=ordered)
        return feed(Signal("mix", "input", THRESHOLD, bet=mix), np.array(live, dtype=float))

    usual = seasons(rng, 3_000)
    assert alarms(usual, ordered=True) == []
    assert alarms(usual, ordered=False) != []
    [alarm] = alarms([*usual[:1_000], *seasons(rng, 500, moved=True)], ordered=True)
    assert 1_000 < alarm.events < 1_250
    assert alarm.size > 0.2


def test_shares_that_stay_raise_nothing_and_have_no_times_of_the_day() -> None:
    rng = np.random.default_rng(5)
    for _ in range(3):
        shares = rng.dirichlet(np.full(12, 2.0))
        past = rng.choice(12, size=2_000, p=shares).tolist()
        signal = Signal("mix", "input", THRESHOLD, bet=Mix(past, 12, ordered=True))
        assert feed(signal, rng.choice(12, size=3_000, p=shares).astype(float)) == []


def test_a_person_who_goes_on_asking_counts_less_and_less() -> None:
    crowd = Crowd()
    weights = [crowd.weigh("ada", 1) for _ in range(4)]
    assert [weight for weight, _ in weights] == [1, 1 / 2, 1 / 3, 1 / 4]
    assert [first for _, first in weights] == [True, False, False, False]
    assert crowd.weigh("ada", 2) == (1 / 5, True)
    assert crowd.weigh("bob", 1) == (1, True)
    assert crowd.weigh(None, 1) == crowd.weigh(None, 1) == (1, True)
    for number in range(SEEN):
        crowd.weigh(f"p{number}", 1)
    assert crowd.weigh("ada", 3) == (1, True)


def test_who_judges_often_counts_less_and_the_last_word_on_an_answer_is_the_one() -> None:
    voices, first, second = Voices(), UUID(int=1), UUID(int=2)
    assert voices.weigh("ada", first, 1.0) == (1, None)
    assert voices.weigh("ada", first, 0.0) == (1, (1.0, 1))
    assert voices.weigh("ada", second, 0.5) == (1 / 2, None)
    assert voices.weigh("ada", first, 0.2) == (1 / 2, (0.0, 1))
    assert voices.weigh("bob", first, 0.3) == (1, None)
    for number in range(SAID):
        voices.weigh(f"p{number}", first, 0.3)
    assert voices.weigh("ada", first, 1.0) == (1, None)


def test_a_value_that_is_taken_back_leaves_no_evidence_and_makes_none() -> None:
    signal = Signal("x", "people", THRESHOLD, learn=Larger.of, wanted=50)
    bad = np.random.default_rng(3).random(49) < 0.1
    feed(signal, np.append(1.0, bad))
    signal.update(0.0, WHEN)  # calibrated
    before = signal.now()
    signal.update(1.0, WHEN, 0.5)
    assert signal.now() > before
    signal.take_back(1.0, 0.5)
    assert before - 0.2 < signal.now() <= before
    signal.take_back(0.0, 1.0)
    assert signal.now() <= before

    taught = Signal("x", "people", THRESHOLD, learn=Larger.of, wanted=50)
    feed(taught, np.array([1.0, 0.0]))
    taught.take_back(1.0, 1.0)
    assert taught.calibration == [0.0]


def questions(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    vectors = rng.normal(size=(count, 32))
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def test_who_makes_the_world_look_moved_is_seen() -> None:
    rng = np.random.default_rng(6)
    count = 2 * WINDOW  # fewer say nothing of a person
    vectors = questions(rng, count)
    people = [f"p{number}" for number in range(count)]
    calm, limits = [0.0] * count, Limits()

    def reason(
        seen: NDArray[np.float32],
        who: Sequence[str | None],
        injection: list[float],
        limits: Limits = limits,
    ) -> str:
        window = Window()
        for vector, person, score in zip(seen, who, injection, strict=True):
            window.add(vector, person, score, WHEN)
        found = window.look()
        assert found is not None
        return found.reason(limits)

    assert reason(vectors, people, calm) == ""
    assert reason(vectors, [None] * count, calm) == ""
    same = np.repeat(vectors[: count // 2], 2, axis=0)
    assert "say the same" in reason(same, people, calm)
    assert reason(same, people, calm, limits.beside(0.5)) == ""  # where that is usual
    assert "one person, ada" in reason(vectors, [*people[:WINDOW], *["ada"] * WINDOW], calm)
    assert "prompt injection" in reason(vectors, people, [0.0, 0.9] * WINDOW)
    few = Window()
    for vector in vectors[:5]:
        few.add(vector, None, 0.9, WHEN)
    assert few.look() is None


def test_who_asks_the_same_again_is_seen_and_nobody_else() -> None:
    rng = np.random.default_rng(5)
    plan, pump, lamp = rng.normal(size=(3, 64)).astype(np.float32)
    window, at = Window(), WHEN

    def asks(
        vector: NDArray[np.float32], person: str | None, after_s: float = 60
    ) -> tuple[bool, float] | None:
        nonlocal at
        at += timedelta(seconds=after_s)
        worded = vector + rng.normal(scale=0.2, size=64).astype(np.float32)
        return window.add(worded / np.linalg.norm(worded), person, 0.0, at)

    assert [asks(pump, "ada"), asks(pump, "ada")] == [None, (True, 1)]
    assert asks(pump, "ada") is None  # she has said so
    assert asks(plan, "ada") == (False, 1 / 3)
    assert asks(pump, "bob") is None  # his first
    assert asks(lamp, "bob") == (False, 1)
    assert asks(lamp, "bob", after_s=1) is None  # it was not he
    assert asks(plan, "cem") is None
    assert asks(plan, "ada") is None  # as others do
    assert [asks(pump, None), asks(pump, None)] == [None, None]
    for _ in range(WINDOW):
        asks(plan, None)
    assert asks(lamp, "bob") is None  # too long ago
