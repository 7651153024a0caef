import pickle
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from gyre_drift.store import KEPT
from gyre_drift.watching.batch import compare
from gyre_drift.watching.deciding import (
    LEAST_NEW,
    Asked,
    Raised,
    allowed,
    confirmed,
    recent,
    unfinished,
)
from gyre_drift.watching.detectors import QUIET, Alarm, Calibrated, Detector, Rise
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.shares import Share
from gyre_drift.watching.thresholds import run_length, share_of, threshold_for
from gyre_events import DriftPolicy

from .conftest import World

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
USUAL = threshold_for(share_of(DriftPolicy().false_alarm_events, 3))


def feed(detector: Detector, values: NDArray[np.float64], killed_at: int = -1) -> list[Alarm]:
    """Return the alarms of values that come a second apart; a killed detector is restored."""
    found, times = [], [WHEN + timedelta(seconds=number) for number in range(len(values))]
    for number, value in enumerate(values):
        if number == killed_at:
            detector = pickle.loads(pickle.dumps(detector))
        found.append(detector.update(float(value), times[max(0, number - 500) : number + 1]))
    return [alarm for alarm in found if alarm is not None]


def test_false_alarms_of_the_rise_are_as_rare_as_its_threshold_says() -> None:
    rng, lengths = np.random.default_rng(1), []
    for _ in range(30):
        rise, events = Rise(threshold_for(1_000), calibrated=1_000), 0
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


@pytest.mark.parametrize(("old", "new"), [(0.1, 0.6), (0.5, 0.05)])
def test_an_alarm_of_a_share_says_how_far_it_moved_and_since_when(old: float, new: float) -> None:
    rng = np.random.default_rng(5)
    values = rng.random(1_500) < np.where(np.arange(1_500) < 1_000, old, new)
    [alarm] = feed(Detector("mix-1", "input", Share()), values.astype(float), killed_at=1_010)
    assert 1_000 < alarm.events < 1_100
    assert alarm.statistic == pytest.approx(abs(new - old), abs=0.15)
    assert alarm.statistic > alarm.threshold > 0.1
    assert abs((alarm.onset - WHEN).total_seconds() - 1_000) < 20
    assert alarm.size == pytest.approx((new - old) / np.sqrt(old * (1 - old)), abs=0.4)


def test_the_episode_of_a_share_lasts_until_it_is_what_it_was() -> None:
    rng, detector = np.random.default_rng(6), Detector("mix-1", "input", Share())
    moved = np.repeat([0.1, 0.6], (1_000, 2_000))
    assert len(feed(detector, (rng.random(3_000) < moved).astype(float))) == 1
    assert detector.alarmed
    assert feed(detector, (rng.random(1_000) < 0.1).astype(float)) == []
    assert not detector.alarmed


def test_the_usual_raises_no_alarm_at_the_usual_threshold() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    assert feed(Detector("x", "input", Rise(USUAL, 1_000)), values) == []


@pytest.mark.parametrize("control", [0, 10, 5_000])
def test_a_shift_is_found_however_early_it_comes(control: int) -> None:
    """Also one that was there before the first event: the standard is the calibration's."""
    for seed in range(20):
        values = np.random.default_rng(seed).normal(size=control + 100)
        values[control:] += 1
        detector = Detector("x", "input", Rise(USUAL, 1_000))
        [alarm] = feed(detector, values)
        assert control < alarm.events <= control + 60
        # Killed on the way to the alarm, it raises the same.
        again = Detector("x", "input", Rise(USUAL, 1_000))
        assert feed(again, values, killed_at=alarm.events - 5) == [alarm]


@pytest.mark.parametrize("shift", [0.5, 1, 5])
def test_a_world_that_stays_moved_is_one_alarm_and_one_episode(shift: float) -> None:
    values = np.random.default_rng(7).normal(size=5_000) + shift
    detector = Detector("x", "input", Rise(USUAL, 1_000))
    assert len(feed(detector, values)) == 1
    assert detector.alarmed


def test_an_alarm_is_raised_once_until_it_was_quiet() -> None:
    detector = Detector("x", "input", Rise(5.0, 200))
    assert len(feed(detector, np.full(60, 3.0))) == 1
    assert feed(detector, np.zeros(QUIET - 20)) == []
    assert detector.alarmed
    assert feed(detector, np.zeros(40)) == []
    assert not detector.alarmed
    assert len(feed(detector, np.full(60, 3.0))) == 1


def test_the_onset_is_near_the_change() -> None:
    values = np.random.default_rng(4).normal(size=700)
    values[600:] += 3
    [alarm] = feed(Detector("x", "input", Rise(15.0, 1_000)), values)
    assert 590 <= (alarm.onset - WHEN).total_seconds() <= 602


def test_the_onset_is_near_the_change_where_the_calibration_was_a_little_off() -> None:
    early = []
    for seed in range(100):
        values = np.random.default_rng(seed).normal(0.2, 0.8, 300)
        values[100:] += 1.2
        [alarm] = feed(Detector("x", "input", Rise(USUAL, 200)), values)
        early.append(100 - (alarm.onset - WHEN).total_seconds())
    assert -15 <= min(early) <= max(early) <= 15


def test_the_onset_is_near_the_change_where_bad_answers_are_rare_and_far_out() -> None:
    """Of scores one in ten is bad: those keep the statistic above 0 long before the change."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        bad = rng.random(700) < np.repeat([0.1, 0.9], (600, 100))
        scores = Calibrated(Detector("x", "quality", Rise(USUAL, 200)), 200, sign=-1)
        found = [
            scores.update(float(not one), WHEN + timedelta(seconds=n)) for n, one in enumerate(bad)
        ]
        [alarm] = [alarm for alarm in found[600:] if alarm]
        assert 590 <= (alarm.onset - WHEN).total_seconds() <= 606


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


def test_a_policy_asks_for_a_batch_test_that_there_can_be() -> None:
    for events in (LEAST_NEW, KEPT):
        assert DriftPolicy(batch_events=events).batch_events == events
    for events in (LEAST_NEW - 1, KEPT + 1):
        with pytest.raises(ValidationError):
            DriftPolicy(batch_events=events)


def test_thresholds_and_run_lengths_are_each_others() -> None:
    assert run_length(15) > run_length(10)
    assert abs(run_length(threshold_for(1e6)) / 1e6 - 1) < 1e-6


def test_old_alarms_do_not_count_and_requests_are_limited() -> None:
    policy = DriftPolicy(window_events=100, cooldown_s=60, trainings_per_day=2)
    old = Raised("a", "novelty", "input", 10, WHEN)
    new = Raised("b", "thumbs", "people", 200, WHEN)
    assert recent([old, new], set(), 210, policy) == [new]
    assert recent([old, new], {"novelty"}, 210, policy) == [old, new]
    assert confirmed([old, new], None, policy).train
    assert not confirmed([new, new], None, policy).train
    first, second = asked(0), asked(1)
    assert allowed([], None, WHEN, policy) == ""
    assert "cooldown until 2026-01-01T00:01:00" in allowed(
        [first], first, WHEN + timedelta(seconds=30), policy
    )
    assert "not come to an end" in allowed([first], first, WHEN + timedelta(hours=30), policy)
    twice = [first, second]
    assert "budget: 2 trainings" in allowed(twice, None, WHEN + timedelta(hours=2), policy)
    assert allowed(twice, None, WHEN + timedelta(hours=26), policy) == ""


def asked(hours: int) -> Asked:
    at = WHEN + timedelta(hours=hours)
    return Asked(UUID(int=hours + 1), at, at + timedelta(days=1))


def test_a_training_ends_with_its_rollout_or_when_it_can_no_longer_have_one() -> None:
    first, last = asked(0), asked(1)
    soon, late = last.at + timedelta(hours=1), last.until + timedelta(hours=1)
    assert unfinished([], soon, None, ()) is None
    assert unfinished([first, last], soon, None, (None, first.job)) is last
    assert unfinished([first, last], soon, None, (last.job,)) is None
    assert unfinished([first, last], late, None, ()) is None
    assert unfinished([first, last], late, last.job, (last.job,)) is last
