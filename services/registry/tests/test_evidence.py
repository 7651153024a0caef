"""What counts for and against a candidate, by events alone."""

import random
from uuid import uuid4

import pytest
from sqlalchemy.event import listen
from sqlmodel import delete

from gyre_events import Event, RolloutChanged
from gyre_registry import evidence, watching
from gyre_registry.canary import Count, Evidence
from gyre_registry.deciding import put_route
from gyre_registry.desired import Wish
from gyre_registry.tables import OutcomeCount
from gyre_service.database import Sessions, snapshot, transaction

from .conftest import BASE, Published, Send
from .test_rollouts import at_half, canary, changes, scored, verdict


async def test_only_live_answers_and_shadows_of_the_candidate_are_evidence(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)

    for purpose in ("suite", "probe", "replay", "baseline"):
        for arm in ("production", "candidate"):
            await send(scored(shown, arm, 0, purpose))
            await send(verdict(shown, arm, "down", purpose))
    await send(scored(shown, "production", 0, "shadow"))
    await send(verdict(shown, "candidate", "down", "shadow"))
    other = shown.model_copy(update={"rollout_id": uuid4()})
    await send(scored(other, "candidate", 0, "live"))
    # Before it was shown to anybody, and in a revision that nobody decided.
    [measured, _] = await changes(published)
    for revision in (measured.revision, shown.revision + 1):
        early = shown.model_copy(update={"revision": revision})
        await send(verdict(early, "production", "down"))
        await send(scored(early, "production", 0, "live"))
    # Made while search was away: nobody could have known the answer.
    blind = verdict(shown, "candidate", "down")
    await send(blind.model_copy(update={"no_context": True}))
    await send(scored(shown, "candidate", 1, "shadow"))
    await send(scored(shown, "candidate", 0, "live"))

    known = await evidence_of(sessions, shown)
    assert (known.judge.candidate, known.live.candidate) == (Count(2, 1), Count(1, 1))
    assert (known.judge.production, known.live.production) == (Count(), Count())


async def evidence_of(sessions: Sessions, rollout: RolloutChanged) -> Evidence:
    async with snapshot(sessions) as session:
        known = await evidence.of_rollout(session, "acme", rollout.rollout_id)
    assert set(known) <= {rollout.revision}
    return known.get(rollout.revision, Evidence())


async def test_a_bad_day_of_production_lets_no_worse_candidate_pass(
    send: Send, published: Published
) -> None:
    """Of all answers the candidate has fewer bad ones; of those beside it, production has."""
    shown = await canary(send, published)
    for _ in range(40):
        await send(verdict(shown, "production", "down"))
    half = await at_half(send, published, shown)
    for thumb in ("up", "down") * 20:
        await send(verdict(half, "candidate", thumb))
        await send(verdict(half, "production", "up"))

    last = (await changes(published))[-1]
    assert (last.stage, last.arms[0].adapter_digest) == ("steady", None)
    assert "worse than production: live" in last.reason


@pytest.mark.parametrize(
    ("wish", "counted"),
    [
        (Wish("default", prompt="Be kind."), 0),
        (Wish("default", collection="manuals"), 0),
        (Wish("default", policy_json='{"passages": 2}'), 0),
        (Wish("default", policy_json='{"release": {"shadow": 0.5}}'), 0),
        (Wish("default", policy_json='{"release": {"approval": true}}'), 5),
    ],
)
async def test_who_changes_what_is_asked_begins_the_evidence_anew(
    send: Send, published: Published, sessions: Sessions, wish: Wish, counted: int
) -> None:
    shown = await canary(send, published)
    for _ in range(5):  # of the six that the step needs
        await send(scored(shown, "candidate", 1, "shadow"))
    changed = await put_route(sessions, "acme", wish, BASE)
    for _ in range(5 - counted):
        await send(scored(changed, "candidate", 1, "shadow"))
    if counted == 0:  # late, of what was asked before
        await send(scored(shown, "candidate", 1, "shadow"))
    assert (await changes(published))[-1] == changed

    await send(scored(changed, "candidate", 1, "shadow"))
    assert (await changes(published))[-1].arms[1].share == 5_000


@pytest.mark.parametrize("person_first", [True, False])
async def test_a_person_outranks_the_judge_whoever_comes_first(
    send: Send, published: Published, sessions: Sessions, person_first: bool
) -> None:
    shown = await canary(send, published)
    judged = verdict(shown, "candidate", "down")
    score = scored(shown, "candidate", 1, "live").model_copy(update={"answer_id": judged.answer_id})
    for event in (judged, score) if person_first else (score, judged):
        await send(event)

    known = await evidence_of(sessions, shown)
    assert known.live.candidate == Count(1, 1)
    assert known.judge.candidate == Count(1, 0), "beside shadows stands what the judge said"


async def test_what_is_counted_is_what_is_kept(
    send: Send, published: Published, sessions: Sessions
) -> None:
    """Whatever was said of an answer before, by whom, and by how many."""
    shown = await canary(send, published)
    chance = random.Random(0)
    answers = [uuid4() for _ in range(8)]
    for number in range(60):
        id = chance.choice(answers)
        arm = ("candidate", "production")[answers.index(id) % 2]
        if answers.index(id) == 0:
            event: Event = scored(shown, arm, chance.randrange(2), "shadow")
        elif chance.random() < 0.5:
            event = scored(shown, arm, chance.randrange(2), "live")
        else:
            event = verdict(shown, arm, chance.choice(("up", "down")))
        await send(event.model_copy(update={"answer_id": id}))
        if number == 30:  # as after an upgrade from a release without counts
            await forget_counts(sessions)

    kept = await evidence_of(sessions, shown)
    await forget_counts(sessions)
    assert await evidence_of(sessions, shown) == kept
    assert kept.live.production.answers == 4


async def forget_counts(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await session.exec(delete(OutcomeCount))


async def test_no_outcome_is_counted_again(
    send: Send, published: Published, sessions: Sessions
) -> None:
    """A canary that waits for a person may have a hundred thousand of them."""
    shown = await canary(send, published)
    await send(verdict(shown, "candidate", "up"))
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    listen(sessions.kw["bind"].sync_engine, "before_cursor_execute", note)
    await send(verdict(shown, "candidate", "up"))
    await watching.look(sessions)

    assert statements
    assert not [one for one in statements if "GROUP BY" in one]
