from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gyre_drift.watching.batch import compare
from gyre_drift.watching.deciding import Raised, allowed, confirmed, recent
from gyre_drift.watching.detectors import QUIET, Detector, Rise, Share
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.thresholds import run_length, threshold_for
from gyre_events import DriftPolicy

from .conftest import World

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def test_false_alarms_of_the_rise_are_as_rare_as_its_threshold_says() -> None:
    rng, lengths = np.random.default_rng(1), []
    for _ in range(30):
        rise, events = Rise(threshold_for(1_000)), 0
        while True:
            events += 1
            if rise.update(float(rng.normal())):
                break
        lengths.append(events)
    assert 500 < np.mean(lengths) < 2_000


def test_shares_that_stay_raise_nothing() -> None:
    rng, raised = np.random.default_rng(2), 0
    for _ in range(4):
        shares = rng.dirichlet(np.ones(12) * 3)
        detectors = [Share() for _ in shares]
        for cluster in rng.choice(12, size=2_000, p=shares):
            raised += sum(one.update(float(n == cluster)) for n, one in enumerate(detectors))
    assert raised == 0


def test_shares_that_change_are_found() -> None:
    rng, detector = np.random.default_rng(3), Share()
    for _ in range(1_000):
        assert not detector.update(float(rng.random() < 0.1))
    assert any(detector.update(float(rng.random() < 0.6)) for _ in range(200))


def test_an_alarm_is_raised_once_until_it_was_quiet() -> None:
    detector = Detector("x", "input", Rise(5.0))
    time = WHEN

    def feed(value: float, count: int) -> int:
        return sum(detector.update(value, time) is not None for _ in range(count))

    feed(0.0, 200)
    assert feed(3.0, 60) == 1
    feed(0.0, 2 * QUIET + 100)
    assert feed(3.0, 60) == 1


def test_the_onset_is_near_the_change() -> None:
    rng, detector = np.random.default_rng(4), Detector("x", "input", Rise(15.0))
    alarm = None
    for number in range(700):
        value = float(rng.normal()) + (3.0 if number >= 600 else 0.0)
        alarm = alarm or detector.update(value, WHEN + timedelta(seconds=number))
    assert alarm is not None
    assert 560 <= (alarm.onset - WHEN).total_seconds() <= 602


def reference(vectors: NDArray[np.float32], texts: list[str] | None = None) -> Reference:
    texts = texts or [f"question {n}" for n in range(len(vectors))]
    return Reference.build(UUID(int=7), vectors, texts, calibration=len(vectors) // 2)


def test_a_reference_is_the_same_after_it_was_stored() -> None:
    vectors = World(1).questions(400)
    made = reference(vectors)
    again = Reference.of_bytes(UUID(int=7), made.to_bytes())
    probe = World(9).questions(1)[0]
    assert again.z(probe) == made.z(probe) > 2
    assert again.cluster(probe) == made.cluster(probe)
    assert again.texts == made.texts
    assert {again.nearest(one) for one in vectors} == set(made.texts)


def test_one_long_text_costs_its_own_length_only() -> None:
    texts = ["Ä" * 32_000] * 2 + [f"question {n}" for n in range(198)]
    made = reference(World(1).questions(200), texts)
    plain = reference(World(1).questions(200))
    assert len(made.to_bytes()) - len(plain.to_bytes()) < 150_000
    assert Reference.of_bytes(UUID(int=7), made.to_bytes()).texts == made.texts


def test_a_file_in_the_order_of_its_topics_calibrates_as_any_other() -> None:
    vectors = World(1).questions(800)
    topic = np.argmax(vectors @ World(1).centres.T, axis=1)
    live = World(1, draw=2).questions(400)
    for order in (np.arange(800), np.argsort(topic, kind="stable")):
        made = reference(vectors[order])
        found = np.array([made.z(one) for one in live])
        assert abs(found.mean()) < 0.5
        assert 0.7 < found.std() < 1.3


def test_other_things_of_the_same_kind_are_no_news() -> None:
    """What is asked next is about things that the past questions were not about."""
    past, live = World(1, topics=120), World(2, topics=120)
    made = reference(past.questions(800))
    found = np.array([made.z(one) for one in live.questions(400)])
    assert abs(found.mean()) < 1


def test_the_batch_test_tells_worlds_apart_and_only_those() -> None:
    known = World(1)
    old = known.questions(300)
    assert compare(old, World(2).questions(40)).low > 0.7
    found = [compare(old, known.questions(40), seed=n).low > 0.6 for n in range(20)]
    assert sum(found) <= 1


def test_thresholds_and_run_lengths_are_each_others() -> None:
    assert run_length(15) > run_length(10)
    assert abs(run_length(threshold_for(1e6)) / 1e6 - 1) < 1e-6


def test_old_alarms_do_not_count_and_requests_are_limited() -> None:
    policy = DriftPolicy(window_events=100, cooldown_s=60, trainings_per_day=2)
    old = Raised("a", "novelty", "input", 10, WHEN)
    new = Raised("b", "thumbs", "people", 200, WHEN)
    assert recent([old, new], 210, policy) == [new]
    assert confirmed([old, new], None, policy).train
    assert not confirmed([new, new], None, policy).train
    assert allowed([], WHEN, policy) == ""
    assert "cooldown: 30 s" in allowed([WHEN], WHEN + timedelta(seconds=30), policy)
    twice = [WHEN, WHEN + timedelta(hours=1)]
    assert "budget: 2 trainings" in allowed(twice, WHEN + timedelta(hours=2), policy)
    assert allowed(twice, WHEN + timedelta(hours=26), policy) == ""
