"""An adapter that was trained for a moved world answers: what is known of answers stays known."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from gyre_drift.tables import Collected, Decision, Early
from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.watching.means import Larger
from gyre_events import Arm, Policy, Prompt, RetrainingRequested
from gyre_events import Base as BaseModel
from gyre_service.database import Sessions, snapshot, transaction
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
    scored,
    stream,
    verdict,
    watch_of,
)
from .test_eras import eras

JOB = UUID(int=7)
ADAPTER = "a" * 64
SHORT = POLICY.model_copy(
    update={
        "reference_events": 100,
        "calibration_events": 100,
        "score_events": 30,
        "cooldown_s": 1,
    }
)


@pytest.fixture
async def watched(send: Send, rollouts: Rollouts, sessions: Sessions) -> UUID:
    """Let a route be watched whose training was asked for; return its reference."""
    produce(rollouts, 1, None, None)
    for vector in World(1).questions(200):
        await send(observed(vector, "baseline"))
    asked = RetrainingRequested(
        job_id=JOB,
        route="default",
        reason="it has moved",
        base=BaseModel(name="tiny", digest="b" * 64),
        training=Policy().training,
        since=WHEN,
        data_deadline=WHEN,
        decided_at=WHEN,
    )
    async with transaction(sessions) as session:
        session.add(
            Decision(
                tenant="acme",
                route="default",
                source="/gyre/test",
                id="asked",
                ordinal=0,
                topic=asked.topic,
                event=asked.model_dump(mode="json"),
                at=WHEN,
            )
        )
    for _ in range(SHORT.score_events + 5):
        await send(scored(0.9))
    found = (await stream(sessions)).reference_id
    assert found is not None
    return found


def produce(rollouts: Rollouts, at: int, job: UUID | None, adapter: str | None) -> None:
    """Put an adapter into production, as from a second on."""
    prompt = Prompt(digest="d" * 64, text="Be short.")
    arm = Arm(name="production", share=10_000, prompt=prompt, job_id=job, adapter_digest=adapter)
    when = WHEN + timedelta(seconds=at)
    rollouts.put("acme", revision=at, policy=Policy(drift=SHORT), arms=(arm,), decided_at=when)


async def test_an_adapter_that_is_worse_is_noticed_before_its_world_is_known(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions, watched: UUID
) -> None:
    produce(rollouts, 235, JOB, ADAPTER)
    await live(send, World(2), 5)
    for _ in range(40):
        await send(scored(0.1))

    row = await stream(sessions)
    assert (row.reference_id, row.promoted, row.collected) == (None, JOB, 5)
    [alarm] = said.alarms
    assert (alarm.detector, alarm.cause, alarm.reference_id) == ("grounded", "quality", None)
    [back] = said.remedies
    assert (back.cause, back.remedy, back.state) == ("quality", "re-activate", "decided")
    assert (back.adapter_digest, back.reference_id) == (None, watched)

    produce(rollouts, 275, None, None)
    await live(send, World(2), 1)
    row = await stream(sessions)
    assert (row.reference_id, row.collected) == (watched, 0)
    async with snapshot(sessions) as session:
        assert (await session.exec(select(Collected))).all() == []


async def test_the_next_reference_finds_what_was_known_of_answers(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions, watched: UUID
) -> None:
    produce(rollouts, 235, JOB, ADAPTER)
    await live(send, World(2), 1)
    late = WHEN + timedelta(seconds=235)
    for one in (verdict("down", at=late), verdict("down", at=late + timedelta(seconds=1))):
        await send(one)
    await live(send, World(2), 199)
    await send(verdict("up", at=late + timedelta(seconds=1)))  # before the reference was made
    await send(scored(0.9))

    row, watch = await stream(sessions), await watch_of(sessions)
    assert row.reference_id not in (None, watched)
    assert watch.reference_id == row.reference_id
    assert len(watch.panel.signals) == 10
    assert watch.panel.signals["thumbs"].calibration == [1.0, 0.0]
    assert watch.panel.signals["grounded"].events == 6  # not those that it was calibrated on
    assert len({signal.threshold for signal in watch.panel if not signal.margin}) == 1
    assert [(era.adapter, utc(era.since)) for era in await eras(sessions)][1:] == [(ADAPTER, late)]
    async with snapshot(sessions) as session:
        assert (await session.exec(select(Early))).all() == []

    for _ in range(40):
        await send(scored(0.1))
    assert [alarm.detector for alarm in said.alarms] == ["grounded"]


async def test_what_was_in_alarm_learns_anew_for_the_adapter_is_not_the_reason(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions, watched: UUID
) -> None:
    for _ in range(40):
        await send(scored(0.2))
    assert [alarm.detector for alarm in said.alarms] == ["grounded"]

    produce(rollouts, 275, JOB, ADAPTER)
    for _ in range(40):
        await send(scored(0.6))

    assert len(said.alarms) == 1
    grounded = (await watch_of(sessions)).panel.signals["grounded"]
    assert isinstance(grounded.bet, Larger)
    assert grounded.bet.mean == pytest.approx(0.4)


async def test_another_change_of_production_begins_the_reference_again(
    send: Send, rollouts: Rollouts, sessions: Sessions, watched: UUID
) -> None:
    """Somebody else's: what is asked has not moved, but whose answers are judged has."""
    produce(rollouts, 235, JOB, ADAPTER)
    await live(send, World(2), 5)
    produce(rollouts, 240, UUID(int=8), "c" * 64)
    await live(send, World(2), 3)

    row, watch = await stream(sessions), await watch_of(sessions)
    assert (row.reference_id, row.collected) == (None, 3)
    assert watch.began == WHEN + timedelta(seconds=240)
    assert watch.panel.signals["grounded"].events == 5


async def test_after_the_promotion_of_what_we_asked_for_the_reference_is_rebuilt(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    known, moved = World(1), World(2)
    await baseline(send, known)
    await live(send, moved, 60)
    [request] = said.requests
    before = len(said.alarms)
    produce(rollouts, 460, request.job_id, ADAPTER)
    await live(send, moved, 300)

    assert len(said.alarms) == before
    async with snapshot(sessions) as session:
        assert len((await session.exec(select(ReferenceRow))).all()) == 2
