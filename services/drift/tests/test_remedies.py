"""What is done about which cause, and by whom nothing is done."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlmodel import select

from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.tables import State
from gyre_drift.watching.panel import Asked, Panel
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.signals import Alarm
from gyre_events import Arm, Policy, Prompt, RemedyPolicy, RemedyRequested, TrainingPolicy
from gyre_service.database import Sessions, snapshot, transaction

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

PROMPT = Prompt(digest="d" * 64, text="Be short.")
FEW = POLICY.model_copy(update={"remedy_events": 40})


def decided(said: Said) -> list[tuple[str, str]]:
    """Return causes and remedies that were decided, in order."""
    return [(one.cause, one.remedy) for one in said.remedies if one.state == "decided"]


async def ask(send: Send, vectors: NDArray[np.float32], **details: Any) -> None:
    for vector in vectors:
        await send(observed(vector, **details))


def promote(rollouts: Rollouts, revision: int, at: int, job: UUID | None, adapter: str) -> None:
    """Put an adapter into production, as from a second on."""
    arm = Arm(
        name="production", share=10_000, prompt=PROMPT, job_id=job, adapter_digest=adapter or None
    )
    when = WHEN + timedelta(seconds=at)
    rollouts.put("acme", revision=revision, policy=Policy(drift=FEW), arms=(arm,), decided_at=when)


async def test_less_that_is_found_is_indexed_again_and_then_wanted(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    rollouts.put("acme", policy=Policy(drift=FEW))
    known = World(1)
    await baseline(send, known)
    rng = np.random.default_rng(1)
    for vector in known.questions(60):
        await send(observed(vector, top_score=rng.uniform(0.5, 0.9)))
        await send(scored(0.9))
    for vector in known.questions(130):  # nothing is found, so the model declines
        await send(observed(vector, searched=True))
        await send(scored(0.1))

    assert {alarm.cause for alarm in said.alarms} <= {"knowledge", "quality"}
    assert decided(said)[-2:] == [("knowledge", "re-index"), ("knowledge", "documents-wanted")]
    assert said.requests == []
    wanted = said.remedies[-1]
    assert len(wanted.examples) == 5
    assert wanted.collection == "default"


@pytest.mark.parametrize(
    ("remedies", "told"),
    [
        (("documents-wanted",), "was asked for"),
        (("documents-wanted", "re-activate"), "each remedy"),
    ],
)
async def test_a_policy_that_is_changed_meanwhile_goes_on_with_what_was_not_tried(
    send: Send,
    said: Said,
    rollouts: Rollouts,
    sessions: Sessions,
    parked: list[str],
    remedies: tuple[str, ...],
    told: str,
) -> None:
    rollouts.put("acme", policy=Policy(drift=FEW))
    known = World(1)
    await baseline(send, known)
    rng = np.random.default_rng(1)
    for vector in known.questions(60):
        await send(observed(vector, top_score=rng.uniform(0.5, 0.9)))
    await ask(send, known.questions(130), searched=True)
    before = [("knowledge", "re-index"), ("knowledge", "documents-wanted")]
    assert decided(said) == before

    changed = FEW.model_copy(update={"remedies": RemedyPolicy(knowledge=remedies)})
    rollouts.put("acme", revision=2, policy=Policy(drift=changed))
    await ask(send, known.questions(100), searched=True)
    assert decided(said) == before
    assert told in (await stream(sessions)).waiting

    more = RemedyPolicy(knowledge=("prompt", *remedies, "re-index"))
    rollouts.put("acme", revision=3, policy=Policy(drift=FEW.model_copy(update={"remedies": more})))
    await ask(send, known.questions(100), searched=True)
    assert decided(said) == [*before, ("knowledge", "prompt")]
    assert parked == []


async def test_what_has_helped_is_the_last_remedy(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    rollouts.put("acme", policy=Policy(drift=FEW))
    known = World(1)
    await baseline(send, known)
    rng = np.random.default_rng(1)
    for count, found in ((60, True), (30, False), (150, True)):
        for vector in known.questions(count):
            score = rng.uniform(0.5, 0.9) if found else None
            await send(observed(vector, top_score=score, searched=True))
    assert decided(said) == [("knowledge", "re-index")]
    assert "calm since" in (await stream(sessions)).waiting


async def test_a_worse_adapter_gives_way_to_the_one_before(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    promote(rollouts, 1, 0, None, "")
    await baseline(send, World(1))
    for _ in range(POLICY.score_events + 10):
        await send(scored(0.9))
    promote(rollouts, 2, 461, None, "a" * 64)  # by hand, past the gate
    for _ in range(60):
        await send(scored(0.1))

    [one] = said.remedies
    assert (one.cause, one.remedy, one.adapter_digest) == ("quality", "re-activate", None)
    assert "began with the adapter" in one.reason
    assert said.requests == []


async def test_bad_answers_of_an_old_adapter_are_not_put_down_to_it(
    send: Send, said: Said, sessions: Sessions
) -> None:
    await baseline(send, World(1))
    for _ in range(POLICY.score_events + 10):
        await send(scored(0.9))
    for _ in range(60):
        await send(scored(0.1))
    assert [alarm.cause for alarm in said.alarms] == ["quality"]
    assert said.remedies == []
    assert "waits for another" in (await stream(sessions)).waiting


async def test_other_wishes_are_for_the_prompt_first(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    rollouts.put("acme", policy=Policy(drift=FEW))
    await baseline(send, World(1))
    for _ in range(POLICY.score_events):
        await send(verdict("up"))
    for _ in range(40):
        await send(verdict("down"))
    assert decided(said) == [("concept", "prompt")]
    assert said.requests == []


async def test_a_world_that_comes_back_gets_its_adapter_back_and_its_reference(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    promote(rollouts, 1, 0, None, "")
    first, second = World(1), World(2)
    await baseline(send, first)
    await live(send, second, 60)
    [request] = said.requests
    before = (await stream(sessions)).reference_id
    promote(rollouts, 2, 460, request.job_id, "a" * 64)
    await live(send, second, 410)
    assert (await stream(sessions)).reference_id not in (before, None)

    for number in range(400):  # hours later
        vector = first.questions(1)[0]
        await send(observed(vector), appended=WHEN + timedelta(hours=9, seconds=number))
        if len(said.remedies) > 1:
            break
    [*_, back] = said.remedies
    assert (back.cause, back.remedy, back.state) == ("input", "re-activate", "decided")
    assert (back.adapter_digest, back.reference_id) == (None, before)
    assert len(said.requests) == 1

    alarms = len(said.alarms)
    promote(rollouts, 3, 2_000, None, "")
    for vector in first.questions(100):
        await send(observed(vector), time=WHEN + timedelta(seconds=3_000))
    assert (await stream(sessions)).reference_id == before
    assert len(said.alarms) == alarms
    async with snapshot(sessions) as session:
        assert len((await session.exec(select(ReferenceRow))).all()) == 2


def attack(way: str, seed: int) -> list[Any]:
    """Return questions of which four in ten are no change of the world."""
    rng = np.random.default_rng(seed)
    count = 260 if way == "person" else 120  # who asks much has to do so for longer
    usual, other = World(1).questions(count), World(3).questions(count)
    found = []
    for number in range(count):
        mine = rng.random() < 0.4
        details: dict[str, Any] = {"person": f"p{rng.integers(200)}"}
        vector = other[number] if mine else usual[number]
        if mine and way == "same":
            vector = other[0]
        if mine and way == "person":
            details["person"] = "ada"
        if mine and way == "injection":
            details["injection_score"] = 0.9
        found.append(observed(vector, **details))
    return found


@pytest.mark.parametrize("way", ["same", "person", "injection"])
async def test_an_attack_is_no_lesson(send: Send, said: Said, way: str) -> None:
    known = World(1)
    await baseline(send, known)
    for vector in known.questions(100):
        await send(observed(vector, person=f"p{int(vector[0] * 1e6)}"))
    for event in attack(way, seed=1):
        await send(event)

    assert said.requests == []
    assert decided(said)[0] == ("attack", "security")
    assert {remedy for _, remedy in decided(said)} == {"security"}
    assert said.remedies[0].person == ("ada" if way == "person" else said.remedies[0].person)


async def test_a_hundred_alarms_in_an_hour_train_no_more_than_the_budget(
    send: Send, said: Said, rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the world is another one, and each training ends at once."""
    hasty = FEW.model_copy(update={"cooldown_s": 1, "trainings_per_day": 2})
    brief = TrainingPolicy(data_deadline_s=1, max_seconds=1)
    rollouts.put("acme", policy=Policy(drift=hasty, training=brief))
    await baseline(send, World(1))

    def alarm(_: Panel, reference: Reference, asked: Asked) -> list[Alarm]:
        return [Alarm("novelty", "input", 20, 10, 1, asked.time - timedelta(seconds=100), 1)]

    monkeypatch.setattr(Panel, "question", alarm)
    await live(send, World(2), 130)
    assert len(said.alarms) == 130
    assert len(said.requests) == 2
    assert "budget: 2 trainings" in said.remedies[-1].reason


async def test_what_is_held_says_so_once(
    send: Send, said: Said, rollouts: Rollouts, sessions: Sessions
) -> None:
    paused = FEW.model_copy(update={"paused": True})
    rollouts.put("acme", policy=Policy(drift=paused))
    await baseline(send, World(1))
    await live(send, World(2), 80)
    [held] = said.remedies
    assert (held.remedy, held.state) == ("retrain", "held")
    assert held.reason.endswith("paused")
    assert "paused" in (await stream(sessions)).waiting
    assert said.requests == []

    rollouts.put("acme", revision=2, policy=Policy(drift=FEW))
    await live(send, World(2), 20)
    assert [one.state for one in said.of(RemedyRequested.topic)] == ["held", "decided"]
    assert said.remedies[1].remedy_id == held.remedy_id
    [request] = said.requests
    assert said.remedies[1].job_id == request.job_id


async def test_a_state_of_another_release_begins_anew_and_is_no_alarm(
    send: Send, said: Said, sessions: Sessions
) -> None:
    known = World(1)
    await baseline(send, known)
    await live(send, known, 20)
    async with transaction(sessions) as session:
        kept = await session.get_one(State, ("acme", "default"))
        kept.format, kept.content = 0, b"of another release"
        session.add(kept)
    await live(send, known, 20)
    assert (await watch_of(sessions)).panel.signals["novelty"].events == 20
    assert said == []
