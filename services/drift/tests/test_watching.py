from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
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
from gyre_drift.watching.panel import Asked as Question
from gyre_drift.watching.reference import WINDOW, Reference
from gyre_drift.watching.watch import Watch, badness_of
from gyre_drift.watching.worlds import match
from gyre_events import DriftPolicy

from .conftest import World, verdict

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def reference(vectors: NDArray[np.float32], texts: list[str] | None = None) -> Reference:
    texts = texts or [f"question {n}" for n in range(len(vectors))]
    return Reference.build(UUID(int=7), vectors, texts)


def scores(made: Reference, live: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how new questions are, in standard deviations of the calibration's."""
    distances = np.array([made.distance(one) for one in live])
    found: NDArray[np.float64] = (distances - made.novelty.mean()) / made.novelty.std()
    return found


def test_a_reference_is_the_same_after_it_was_stored() -> None:
    vectors = World(1).questions(400)
    made = reference(vectors)
    again = Reference.of_bytes(UUID(int=7), made.to_bytes())
    probe = World(9).questions(1)[0]
    assert again is not None
    assert again.distance(probe) == made.distance(probe) > np.quantile(made.novelty, 0.99)
    assert again.cluster(probe) == made.cluster(probe)
    assert again.texts == made.texts
    assert {again.nearest(one) for one in vectors} == set(made.texts)


def test_one_long_text_costs_its_own_length_only() -> None:
    texts = ["Ä" * 32_000] * 2 + [f"question {n}" for n in range(198)]
    made = reference(World(1).questions(200), texts)
    plain = reference(World(1).questions(200))
    assert len(made.to_bytes()) - len(plain.to_bytes()) < 150_000
    again = Reference.of_bytes(UUID(int=7), made.to_bytes())
    assert again is not None
    assert again.texts == made.texts


def test_a_file_in_the_order_of_its_topics_calibrates_as_any_other() -> None:
    vectors = World(1).questions(800)
    topic = np.argmax(vectors @ World(1).centres.T, axis=1)
    live = World(1, draw=2).questions(400)
    for order in (np.arange(800), np.argsort(topic, kind="stable")):
        made = reference(vectors[order])
        most = np.quantile(made.novelty, 0.9)
        assert np.mean([made.distance(one) > most for one in live]) < 0.12


def test_other_things_of_the_same_kind_are_no_news() -> None:
    """What is asked next is about things that the past questions were not about."""
    past, live = World(1, topics=200), World(2, topics=200)
    made = reference(past.questions(800))
    found = scores(made, live.questions(400))
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


def test_old_alarms_do_not_count_and_requests_are_limited() -> None:
    policy = DriftPolicy(window_events=100, cooldown_s=60, trainings_per_day=2)
    old = Raised("a", "novelty", "input", 10, WHEN)
    new = Raised("b", "thumbs", "people", 200, WHEN)
    assert recent([old, new], set(), 210, policy) == [new]
    assert recent([old, new], {"novelty"}, 210, policy) == [old, new]
    assert confirmed([old, new], None, policy).confirmed
    assert not confirmed([new, new], None, policy).confirmed
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
    assert unfinished([], soon, None, set()) is None
    assert unfinished([first, last], soon, None, {None, first.job}) is last
    assert unfinished([first, last], soon, None, {last.job}) is None
    assert unfinished([first, last], late, None, set()) is None
    assert unfinished([first, last], late, last.job, {last.job}) is last
    back = replace(last, job=None)
    assert unfinished([first, back], late, None, set()) is None
    assert unfinished([first, back], late, None, set(), steady=False) is back


def test_a_world_of_before_is_known_again_and_no_other() -> None:
    policy, again_known = DriftPolicy(), 0
    for seed in range(20):
        known, other = World(seed), World(seed + 100)
        worlds = {UUID(int=1): known.questions(512), UUID(int=2): other.questions(512)}
        again = World(seed, draw=1).questions(policy.match_events)
        again_known += match(worlds, again, policy, seed).world == UUID(int=1)
        new = World(seed + 200).questions(policy.match_events)
        assert match(worlds, new, policy, seed).world is None
        few = match(worlds, again[:40], policy, seed)
        assert (few.world, few.wait) == (None, True)
        assert not match(worlds, new[:40], policy, seed).wait  # it is none of them for certain
    assert again_known >= 18
    assert match({}, new, policy, 0).wait is False


@pytest.mark.parametrize(("same", "first"), [(True, WINDOW), (False, 2 * WINDOW)])
def test_an_attack_needs_no_alarm_but_questions_enough(same: bool, first: int) -> None:
    """Two in five say the same, or are of the same person."""
    known, policy = World(1), DriftPolicy()
    made = reference(known.questions(400))
    watch = Watch.of(made, policy, WHEN, (None, None))
    vectors = known.questions(first)
    for number, vector in enumerate(vectors):
        often = number % 5 < 2
        asked = vectors[0] if often and same else vector
        person = "ada" if often and not same else f"p{number}"
        watch.question(made, Question(asked, person, None, 0.0, WHEN))
        assert (watch.attack(made, policy) is not None) == (number == first - 1)


@pytest.mark.parametrize(
    ("said", "badness"),
    [
        ({"thumb": "down"}, 1),
        ({"thumb": "up"}, 0),
        ({"score": 0.4}, 1),
        ({"comment": "hm"}, None),
        ({"edited_answer": "two", "edit_distance": 0.1}, 0.1),
        ({"edited_answer": "two", "edit_distance": 0.1, "thumb": "down"}, 1),
        ({"edited_answer": "two"}, 1),  # of a release that did not say how far
    ],
)
def test_how_bad_what_people_say_is(said: dict[str, Any], badness: float | None) -> None:
    assert badness_of(verdict(None).model_copy(update=said)) == badness
