import random

import pytest

from gyre_events import ReleasePolicy
from gyre_registry.canary import Compared, Count, Evidence, Move, Standing, decide, excess, step_of

POLICY = ReleasePolicy(step_evidence=10, step_timeout_s=60, max_bad=20, margin=0.05)
GOOD, BAD = Count(40, 1), Count(40, 35)
WORSE = Evidence(live=Compared(Count(40, 21), Count(4, 0)))  # by more than `max_bad`
SAME = Compared(Count(100, 2), Count(100, 2))


def standing(
    candidate: Count = GOOD, production: Count = BAD, judge: Compared = SAME, **changes: object
) -> Standing:
    evidence = Evidence(judge=judge, live=Compared(candidate, production))
    fields = {"evidence": evidence, "earlier": (), "step": 2, "step_answers": 12, "idle_s": 5.0}
    return Standing(**fields | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "to"),
    [
        (standing(step=0), "step"),
        (standing(), "promote"),
        (standing(step_answers=9), "stay"),
        (standing(BAD, GOOD, step=0), "roll back"),
        (standing(Count(60, 20), Count(60, 18)), "stay"),
        (standing(Count(60, 20), Count(60, 18), earlier=(WORSE,)), "roll back"),
        (standing(Count(90, 3), Count(90, 80), earlier=(WORSE,)), "promote"),
        (standing(earlier=(Evidence(live=Compared(BAD, GOOD)),)), "roll back"),
        (standing(earlier=(Evidence(judge=Compared(BAD, GOOD)),)), "roll back"),
        (standing(Count(), Count(), earlier=(Evidence(live=Compared(GOOD, BAD)),)), "stay"),
        (standing(Count(), Count(), step_answers=0), "stay"),
        (standing(Count(), Count(), step_answers=0, idle_s=61.0), "roll back"),
        # Two good arms: neither is shown to be worse until there is ten times the evidence.
        (standing(production=GOOD), "stay"),
        (standing(Count(100, 3), Count(100, 3)), "promote"),
        # Then it is over, one way or the other, but not with what one answer of production says.
        (standing(Count(100, 12), Count(100, 3)), "roll back"),
        (standing(Count(100, 3), Count(99, 3)), "stay"),
        (standing(Count(100, 3), Count(1, 0)), "stay"),
    ],
)
def test_what_a_canary_does_next(now: Standing, to: str) -> None:
    move = decide(now, POLICY)
    assert move.to == to, move.reason
    assert "answers bad" in move.reason


def test_shadows_are_enough_for_a_step_and_never_for_production() -> None:
    shadows = Compared(Count(60, 0), Count(60, 50))  # so much better, to the judge
    live = {"candidate": Count(), "production": Count(100, 50), "step_answers": 60}

    first = decide(standing(judge=shadows, step=0, **live), POLICY)  # type: ignore[arg-type]
    last = decide(standing(judge=shadows, **live), POLICY)  # type: ignore[arg-type]

    assert (first.to, last.to) == ("step", "stay")
    late = decide(standing(judge=shadows, **live, idle_s=61.0), POLICY)  # type: ignore[arg-type]
    assert late.to == "roll back"


def test_shadows_that_the_judge_finds_worse_end_it_before_anybody_sees_more() -> None:
    worse = Compared(Count(40, 30), Count(40, 1))
    now = standing(Count(), Count(40, 1), judge=worse, step=0, step_answers=40)
    assert decide(now, POLICY).to == "roll back"


def test_what_people_find_bad_is_not_compared_to_what_the_judge_finds_good() -> None:
    """Both arms are half bad to people, and clean to the judge."""
    judge = Compared(Count(60, 0), Count(200, 0))
    now = standing(Count(12, 6), Count(200, 100), judge=judge, step_answers=60)
    assert decide(now, POLICY).to == "stay"


def test_a_person_promotes_where_the_policy_says_so_and_nothing_times_out_meanwhile() -> None:
    policy = POLICY.model_copy(update={"approval": True})
    assert decide(standing(idle_s=1e9), policy).to == "stay"
    assert decide(standing(idle_s=1e9, step_answers=0), policy).to == "roll back"
    assert decide(standing(Count(200, 15), Count(200, 2)), policy).to == "stay"
    assert decide(standing(step=0), policy).to == "step"


@pytest.mark.parametrize(
    ("steps", "step", "to"),
    [
        ((100,), 0, "promote"),
        ((100, 1_000), 1, "promote"),
        ((100, 2_000, 5_000), 0, "step"),
        ((2_000,), -1, "step"),
    ],
)
def test_the_steps_may_change_under_a_canary(steps: tuple[int, ...], step: int, to: str) -> None:
    policy = POLICY.model_copy(update={"steps": steps})
    assert step_of(1_000, policy) == step
    assert decide(standing(step=step), policy).to == to


def test_bad_answers_are_counted_beyond_productions_own() -> None:
    worse, better = Compared(Count(20, 10), Count(200, 50)), Compared(Count(100, 0), Count(100, 50))
    assert excess([worse]) == 5
    assert excess([worse, better, worse]) == 10, "one period makes up for no other"
    assert excess([Compared(Count(20, 10), Count())]) == 10, "nobody else was asked"


def ended(candidate: float, production: float, seed: int) -> Move:
    """Return how a canary at half of the traffic ends, looked at again and again."""
    chance = random.Random(seed)
    policy = ReleasePolicy(step_evidence=15, max_bad=10_000)
    bad = [0, 0]
    answers = [0, 0]
    for number in range(2_000):
        arm = chance.random() < 0.5
        answers[arm] += 1
        bad[arm] += chance.random() < (production if arm else candidate)
        counts = [Count(answers[n], bad[n]) for n in (0, 1)]
        now = standing(counts[0], counts[1], step_answers=answers[0])
        if number % 5 == 0 and (move := decide(now, policy)).to != "stay":
            return move
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("candidate", "production", "least", "most"),
    [(0.05, 0.05, 0.9, 1), (0.13, 0.05, 0, 0.15), (0.2, 0.05, 0, 0.02), (0.1, 0.6, 1, 1)],
)
def test_looked_at_all_the_time_a_worse_one_is_promoted_no_oftener(
    candidate: float, production: float, least: float, most: float
) -> None:
    runs = 60
    promoted = sum(ended(candidate, production, seed).to == "promote" for seed in range(runs))
    assert least <= promoted / runs <= most, promoted / runs
