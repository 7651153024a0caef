from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlmodel import select

from gyre_drift.desk import Desk
from gyre_drift.references import References
from gyre_drift.tables import Early
from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.watching.reference import Reference
from gyre_events import (
    AnswerScored,
    Policy,
)
from gyre_service.database import Sessions, snapshot

from .conftest import (
    AFTER,
    ENCODER,
    MADE,
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


async def test_a_world_that_moves_is_noticed_confirmed_and_asked_to_be_learned(
    send: Send, said: Said, sessions: Sessions
) -> None:
    known = World(1)
    await baseline(send, known)
    await live(send, known, 150)
    assert said == []

    await live(send, World(2), 80)

    first = said.alarms[0]
    assert (first.family, first.detector) == ("input", "novelty")
    assert first.statistic > first.threshold
    assert first.events - 150 < 30
    assert first.examples
    assert first.nearest
    assert first.positions[0].topic == "embedding-observed"
    [request] = said.requests
    assert "AUC" in request.reason
    assert request.drift_ids
    assert (first.onset - WHEN).total_seconds() >= 540
    assert request.since == max(alarm.onset for alarm in said.alarms[: len(request.drift_ids)])
    assert request.training == Policy().training
    waits = request.data_deadline - WHEN  # since then one event was appended a second
    assert timedelta(days=7, minutes=9) < waits < timedelta(days=7, minutes=11)


async def test_what_was_said_before_the_reference_was_made_does_not_count_and_what_after_it_does(
    send: Send, sessions: Sessions
) -> None:
    said = [verdict("down", at=at) for at in (MADE - timedelta(seconds=9), MADE, AFTER, AFTER)]
    world = World(1)
    *first, last = world.questions(POLICY.reference_events + POLICY.calibration_events)
    for tenant, early in (("acme", 3), ("other", 0)):  # so many are handled before it is made
        for vector in first:
            await send(observed(vector, "baseline"), tenant, time=WHEN)
        for one in said[:early]:
            await send(one, tenant)
        await send(observed(last, "baseline"), tenant, time=MADE)
        for one in said[early:]:
            await send(one, tenant)

    watches = [await watch_of(sessions, tenant) for tenant in ("acme", "other")]
    thumbs = [watch.panel.signals["thumbs"] for watch in watches]
    assert [one.calibration for one in thumbs] == [[1.0, 1.0]] * 2
    async with snapshot(sessions) as session:
        assert (await session.exec(select(Early))).all() == []


async def test_questions_of_the_same_world_raise_nothing(send: Send, said: Said) -> None:
    known = World(3)
    await baseline(send, known)
    await live(send, known, 700)
    assert said == []


@pytest.mark.parametrize("purpose", ["suite", "shadow", "probe", "replay", "baseline"])
async def test_only_what_people_ask_is_watched(
    send: Send, said: Said, sessions: Sessions, purpose: str
) -> None:
    known, other = World(1), World(2)
    await baseline(send, known)
    for _ in range(POLICY.score_events):  # calibrate
        await send(scored(0.9))
        await send(verdict("up"))
    before = (await stream(sessions)).watched
    for vector in other.questions(60):
        await send(observed(vector, purpose))
    for _ in range(60):
        await send(scored(0, purpose))
        await send(verdict("down", purpose))
        await send(verdict("down").model_copy(update={"no_context": True}))  # no drift either

    assert said == []
    found = await stream(sessions)
    assert found.events == 0
    assert found.watched == before


async def test_without_a_baseline_live_questions_make_the_reference(
    send: Send, sessions: Sessions
) -> None:
    known = World(1)
    await live(send, known, 399)
    assert (await stream(sessions)).reference_id is None
    await live(send, known, 1)
    found = await stream(sessions)
    assert found.reference_id is not None
    assert found.events == 400


async def test_tenants_and_routes_have_worlds_of_their_own(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    await baseline(send, World(1), "acme")
    await baseline(send, World(2), "umbrella")
    await live(send, World(2), 100, "umbrella")
    assert said == []
    assert (await stream(sessions, "acme")).events == 0


async def test_another_encoder_is_a_new_reference_and_no_alarm(
    send: Send, said: Said, sessions: Sessions
) -> None:
    await baseline(send, World(1))
    other = ENCODER.model_copy(update={"digest": "f" * 64})
    for vector in World(2).questions(60):
        await send(observed(vector, encoder=other))

    found = await stream(sessions)
    assert said == []
    assert (found.reference_id, found.collected, found.encoder) == (None, 60, "f" * 64)

    [late] = World(1).questions(1)
    await send(observed(late), time=WHEN)  # out of a spool: its encoder is gone
    found = await stream(sessions)
    assert (found.events, found.collected, found.encoder) == (60, 60, "f" * 64)


@pytest.mark.parametrize(
    ("purposes", "ordered"),
    [(("live",), True), (("baseline",), False), (("live", "baseline"), False)],
)
async def test_only_live_questions_come_in_their_order(
    send: Send, sessions: Sessions, purposes: tuple[str, ...], ordered: bool
) -> None:
    """However many of them were asked of the encoder before."""
    await live(send, World(1), 400)
    other = ENCODER.model_copy(update={"digest": "f" * 64})
    for number, vector in enumerate(World(1).questions(400)):
        await send(observed(vector, purposes[number % len(purposes)], encoder=other))
    row = await stream(sessions)
    async with snapshot(sessions) as session:
        kept = await session.get_one(ReferenceRow, ("acme", "default", row.reference_id))
    made = Reference.of_bytes(kept.reference_id, kept.content)
    assert made is not None
    assert made.ordered == ordered


async def test_two_families_are_enough_without_a_test(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    never = POLICY.model_copy(update={"auc": 1.0})
    rollouts.put("acme", policy=Policy(drift=never))
    known = World(1)
    await baseline(send, known)
    for vector in known.questions(60):
        await send(observed(vector))
        await send(verdict("up"))
        await send(scored(0.9))
    await live(send, World(2), 40)
    assert said.alarms
    assert said.requests == []

    for _ in range(60):
        await send(verdict("down"))

    assert {alarm.family for alarm in said.alarms} == {"input", "people"}
    [request] = said.requests
    assert "2 families have moved" in request.reason


async def test_bad_scores_alone_are_an_alarm_and_no_training(send: Send, said: Said) -> None:
    known = World(1)
    await baseline(send, known)
    for _ in range(80):
        await send(scored(0.9))
    for _ in range(60):
        await send(scored(0.2))

    assert [alarm.family for alarm in said.alarms] == ["quality"]
    assert said.requests == []


async def test_only_questions_and_alarms_are_compared_with_a_reference(
    send: Send, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[UUID] = []
    get = References.get

    async def reading(self: References, session: Any, tenant: str, route: str, id: UUID) -> Any:
        read.append(id)
        return await get(self, session, tenant, route, id)

    monkeypatch.setattr(References, "get", reading)
    await baseline(send, World(1))
    read.clear()
    for value in [0.9] * 55 + [0.1] * 40:
        await send(scored(value))
    await send(verdict("down"))

    assert len(said.alarms) == len(read) == 1


async def test_people_who_ask_again_want_other_answers(send: Send, said: Said) -> None:
    known = World(1)
    await baseline(send, known)

    async def ask(vector: NDArray[np.float32], person: int) -> None:
        question = observed(vector).model_copy(update={"person": f"p-{person}"})
        await send(question, time=MADE + timedelta(seconds=10 * next(seconds)))

    seconds = count(1)
    for person, vector in enumerate(known.questions(POLICY.score_events)):
        await ask(vector, person)
        await ask(known.questions(1)[0], person)
    assert said == []
    for person, vector in enumerate(known.questions(20)):
        await ask(vector, 1_000 + person)
        await ask(vector, 1_000 + person)

    assert {(one.detector, one.family, one.cause) for one in said.alarms} == {
        ("retries", "people", "concept")
    }
    assert said.requests == []


async def test_one_person_who_is_against_an_answer_is_not_many(send: Send, said: Said) -> None:
    known = World(1)
    await baseline(send, known)
    for _ in range(POLICY.score_events + 10):
        await send(verdict("up"))
    again = verdict("down").model_copy(update={"by": "ada"})
    for _ in range(60):
        await send(again.model_copy(update={"feedback_id": uuid4()}))
    for _ in range(30):  # and others
        await send(verdict("down").model_copy(update={"by": "ada"}))
    assert said.alarms == []

    for number in range(20):
        await send(verdict("down").model_copy(update={"by": f"p{number}"}))
    assert [alarm.detector for alarm in said.alarms] == ["thumbs"]


async def test_answers_that_take_longer_are_operations_and_nothing_to_train_for(
    send: Send, said: Said
) -> None:
    rng = np.random.default_rng(1)
    await baseline(send, World(1))

    def answer(latency_s: float) -> AnswerScored:
        taken = {"latency_s": latency_s * rng.uniform(0.8, 1.2), "prompt_tokens": 500}
        return scored(0.9).model_copy(update=taken)

    for _ in range(POLICY.score_events + 30):
        await send(answer(1))
    assert said == []
    for _ in range(40):
        await send(answer(3))

    [alarm] = said.alarms
    assert (alarm.detector, alarm.family, alarm.cause) == ("latency", "operations", "operations")
    assert said.requests == []


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ("@@@", "not base64"),
        ("AAAA", "has 3 bytes, expected 256"),
        ("AAAA" * 85 + "AA==", "has 256 bytes|no length"),
    ],
)
async def test_a_vector_that_is_none_is_parked(
    send: Send, parked: list[str], vector: str, reason: str
) -> None:
    good = World(1).questions(1)[0]
    await send(observed(good, vector=vector))
    assert len(parked) == 1
    await send(observed(good))
    assert len(parked) == 1


async def test_not_a_number_is_parked(send: Send, parked: list[str]) -> None:
    await send(observed(np.full(64, np.nan, "<f4")))
    [reason] = parked
    assert "no length" in reason


async def test_what_is_delivered_again_or_died_half_way_changes_nothing(
    send: Send, said: Said, parked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tenth event dies before its commit, every seventh after it: the alarms are the same."""
    build = Reference.build  # what it draws follows from its id, and that from the tenant
    monkeypatch.setattr(
        Reference,
        "build",
        lambda id, *rest, **how: replace(build(UUID(int=1), *rest, **how), reference_id=id),
    )
    known, moved = World(1), World(2)
    vectors = [*known.questions(60), *moved.questions(60)]
    await baseline(send, World(1))
    await baseline(send, World(1), "umbrella")
    answers = [uuid4() for _ in vectors]
    for number, vector in enumerate(vectors):
        await send(observed(vector, answer_id=answers[number]), id=f"u{number}", tenant="umbrella")
    undisturbed = [(one.detector, one.events) for one in said.alarms]
    said.clear()

    for number, vector in enumerate(vectors):
        event = observed(vector, answer_id=answers[number])
        if number % 10 == 0:

            async def die(*_: Any) -> None:
                raise RuntimeError("killed before the commit")

            with monkeypatch.context() as patch:
                patch.setattr(Desk, "question", die)
                await send(event, id=f"a{number}")
        await send(event, id=f"a{number}")
        if number % 7 == 0:
            await send(event, id=f"a{number}")

    assert [(one.detector, one.events) for one in said.alarms] == undisturbed
    assert len(said.requests) == 1
