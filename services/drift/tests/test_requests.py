"""When a training is asked for, and when it is not."""

from datetime import timedelta
from typing import Any

from sqlmodel import select

from gyre_drift import store
from gyre_drift.tables import Decision
from gyre_events import (
    Arm,
    Policy,
    Prompt,
    TrainingPolicy,
)
from gyre_service.database import Sessions, snapshot
from gyre_service.ids import utc

from .conftest import (
    POLICY,
    WHEN,
    Rollouts,
    Said,
    Send,
    World,
    baseline,
    live,
    observed,
    stream,
    verdict,
)

HOUR = timedelta(hours=1)


async def test_a_second_training_waits_for_the_cooldown(
    send: Send, said: Said, sessions: Sessions
) -> None:
    known, moved = World(1), World(2)
    await baseline(send, known)
    await live(send, moved, 60)
    await live(send, known, 220)
    assert (await stream(sessions)).waiting == ""
    await live(send, World(5), 60)

    assert len(said.alarms) > 1
    assert len(said.requests) == 1
    assert "cooldown" in (await stream(sessions)).waiting


async def test_what_one_person_may_have_moved_waits_for_more_questions(
    send: Send, said: Said, sessions: Sessions
) -> None:
    await baseline(send, World(1))
    for number, vector in enumerate(World(2).questions(60)):
        await send(observed(vector, person=f"p{number % 3}"))
    assert said.alarms
    assert "of one person?" in (await stream(sessions)).waiting
    for number, vector in enumerate(World(2, draw=1).questions(60)):
        await send(observed(vector, person=f"q{number // 3}"))
    assert [one.remedy for one in said.remedies] == ["retrain"]
    assert len(said.requests) == 1


async def test_a_clock_that_is_ahead_does_not_end_the_cooldown(
    send: Send, said: Said, sessions: Sessions
) -> None:
    world, moved = World(1), World(2)
    await baseline(send, world)
    for _ in range(POLICY.score_events):
        await send(verdict("up"))
    await live(send, moved, 60)
    assert len(said.requests) == 1
    ahead = WHEN + timedelta(days=9)
    for _ in range(60):
        await send(verdict("down", at=ahead), time=ahead)

    assert [alarm.family for alarm in said.alarms][-1] == "people"
    assert len(said.requests) == 1
    assert "cooldown" in (await stream(sessions)).waiting

    await send(verdict("down", at=ahead), time=ahead, appended=WHEN + timedelta(days=9))
    assert len(said.requests) == 2


def brief(**changes: Any) -> Policy:
    """Return a policy under which a training that nobody hears of is over after 10 s."""
    training = TrainingPolicy(data_deadline_s=8, max_seconds=2)
    return Policy(drift=POLICY.model_copy(update=changes), training=training)


async def test_what_was_set_without_an_end_lasts_ten_years(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    """It could be set once; `at + timedelta` failed in every later decision."""
    changes: Any = {"training": {"max_seconds": 1e12, "data_deadline_s": 1e12}}
    policy = Policy.model_validate({"drift": POLICY.model_dump() | {"cooldown_s": 1e12}} | changes)
    rollouts.put("acme", policy=policy)
    await baseline(send, World(1))
    await live(send, World(2), 60)
    [request] = said.requests
    async with snapshot(sessions) as session:
        [row] = (await session.exec(select(Decision).where(Decision.topic == request.topic))).all()
        row.event = row.event | {"training": row.event["training"] | changes["training"]}
        [asked] = await store.requests(session, "acme", "default", WHEN + HOUR)

    assert request.data_deadline == request.decided_at + timedelta(days=3650)
    assert asked.until == asked.at + timedelta(days=7300)


async def test_a_drift_confirmed_in_the_cooldown_is_asked_for_when_it_ends(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    """However long that takes: the world has moved, and stays so."""
    rollouts.put("acme", policy=brief(cooldown_s=250, window_events=20))
    await baseline(send, World(1))
    await live(send, World(2), 60)
    [first] = said.requests

    await live(send, World(2), 100)
    assert len(said.requests) == 1
    await live(send, World(2), 130)

    assert len(said.requests) == 2
    assert said.requests[1].drift_ids[0] == first.drift_ids[0]
    assert [alarm.detector for alarm in said.alarms].count("novelty") == 1


async def test_no_second_training_is_asked_for_while_the_first_has_not_ended(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    policy, later = Policy(drift=POLICY.model_copy(update={"cooldown_s": 1})), WHEN + HOUR
    rollouts.put("acme", policy=policy)
    await baseline(send, World(1))
    for _ in range(POLICY.score_events):
        await send(verdict("up"))
    await live(send, World(2), 60)
    [request] = said.requests
    assert (await stream(sessions)).waiting == ""

    for _ in range(60):
        await send(verdict("down", at=later))
    assert said.alarms[-1].family == "people"
    assert f"training {request.job_id} has not come" in (await stream(sessions)).waiting

    prompt = Prompt(digest="d" * 64, text="Be short.")
    production = Arm(name="production", share=10_000, prompt=prompt)
    candidate = Arm(name="candidate", share=0, job_id=request.job_id, prompt=prompt)
    rollouts.put("acme", revision=2, policy=policy, stage="candidate", arms=(production, candidate))
    await send(verdict("down", at=later))
    assert len(said.requests) == 1

    rollouts.put("acme", revision=3, policy=policy, arms=(production,))  # rejected
    await send(verdict("down", at=later))
    assert len(said.requests) == 2
    assert set(request.drift_ids) < set(said.requests[1].drift_ids)


async def test_the_clock_of_who_gave_feedback_steers_nothing(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    rollouts.put("acme", policy=Policy(drift=POLICY.model_copy(update={"auc": 1.0})))
    await baseline(send, World(1))
    for _ in range(POLICY.score_events):
        await send(verdict("up"))
    await live(send, World(2), 40)
    for _ in range(60):
        await send(verdict("down"), time=WHEN + timedelta(days=365))

    assert {alarm.family for alarm in said.alarms} == {"input", "people"}
    assert max(alarm.onset for alarm in said.alarms) < WHEN + timedelta(days=1)
    assert len(said.requests) == 1
    async with snapshot(sessions) as session:
        decisions = (await session.exec(select(Decision))).all()
    assert max(utc(row.at) for row in decisions) < WHEN + timedelta(days=1)
