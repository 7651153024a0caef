"""The way of an adapter, by events alone."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import (
    AdapterEvaluated,
    AdapterLoaded,
    AdapterTrained,
    AnswerScored,
    RolloutChanged,
    Score,
    VerdictRecorded,
)
from gyre_registry import rollouts, store, watching
from gyre_registry.tables import Rollout
from gyre_service.database import Sessions, snapshot, transaction

from .conftest import BASE, OTHER, Published, Send
from .test_gate import suite

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def trained(digest: str = "c", **changes: Any) -> AdapterTrained:
    fields: dict[str, Any] = {
        "job_id": uuid4(),
        "route": "default",
        "base": BASE,
        "adapter_digest": digest * 64,
        "adapter_uri": f"file:///adapters/{digest * 64}",
        "train": "1" * 64,
        "replay": "2" * 64,
        "examples": 10,
        "steps": 5,
        "loss": 0.1,
        "seconds": 1,
        "seed": 0,
        "decided_at": WHEN,
    }
    return AdapterTrained(**fields | changes)


def evaluated(rollout: RolloutChanged, gain: float = 0.5) -> AdapterEvaluated:
    arm = rollout.arms[1]
    return AdapterEvaluated(
        evaluation_id=uuid4(),
        route="default",
        rollout_id=rollout.rollout_id,
        job_id=arm.job_id,
        adapter_digest=str(arm.adapter_digest),
        suites=(suite("moved", gain, gain - 0.2), suite("kept", 0, -0.1)),
        decided_at=WHEN,
    )


def about(rollout: RolloutChanged, arm: str, purpose: str = "live") -> dict[str, Any]:
    return {
        "answer_id": uuid4(),
        "conversation_id": uuid4(),
        "route": "default",
        "purpose": purpose,
        "arm": arm,
        "rollout_id": rollout.rollout_id,
        "revision": rollout.revision,
        "model": "reference",
    }


def verdict(
    rollout: RolloutChanged, arm: str, thumb: str, purpose: str = "live"
) -> VerdictRecorded:
    fields = about(rollout, arm, purpose)
    return VerdictRecorded(feedback_id=uuid4(), thumb=thumb, decided_at=WHEN, **fields)


def scored(rollout: RolloutChanged, arm: str, value: float, purpose: str) -> AnswerScored:
    score = Score(name="citation_valid", value=value)
    return AnswerScored(judge="rules-v1", scores=(score,), **about(rollout, arm, purpose))


def refused(rollout: RolloutChanged, digest: str = "c") -> AdapterLoaded:
    return AdapterLoaded(
        route=rollout.route,
        revision=rollout.revision,
        rollout_id=rollout.rollout_id,
        adapter_digest=digest * 64,
        replica="inference-0",
        outcome="refused",
        reason="NaN in its weights",
        decided_at=WHEN,
    )


def loaded(rollout: RolloutChanged) -> AdapterLoaded:
    """Tell that a replica has the adapter of the candidate."""
    digest = str(rollout.arms[1].adapter_digest)
    changes = {"outcome": "loaded", "reason": "", "adapter_digest": digest}
    return refused(rollout).model_copy(update=changes)


async def changes(published: Published) -> list[RolloutChanged]:
    return [one for _, one in await published.rollouts() if one.revision > 1]


async def canary(send: Send, published: Published) -> RolloutChanged:
    """Bring a trained adapter to its first share."""
    await send(trained())
    [candidate] = await changes(published)
    await send(evaluated(candidate))
    return (await changes(published))[-1]


async def at_half(send: Send, published: Published, shown: RolloutChanged) -> RolloutChanged:
    """Bring a canary to its second step, by shadows alone."""
    for _ in range(6):
        await send(scored(shown, "candidate", 1, "shadow"))
    half = (await changes(published))[-1]
    assert [arm.share for arm in half.arms] == [5_000, 5_000]
    return half


async def stage(sessions: Sessions, rollout_id: UUID) -> Rollout:
    async with snapshot(sessions) as session:
        return await session.get_one(Rollout, ("acme", rollout_id))


async def test_an_adapter_goes_from_candidate_to_production(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)
    candidate = (await changes(published))[0]
    assert [arm.share for arm in candidate.arms] == [10_000, 0]
    assert candidate.stage == "candidate"
    assert [(arm.name, arm.share) for arm in shown.arms] == [
        ("production", 9_900),
        ("candidate", 100),
    ]
    assert shown.rollout_id == candidate.rollout_id
    assert "passed the gate" in shown.reason

    half = await at_half(send, published, shown)  # nobody sees it: enough for a larger share
    assert half.rollout_id == shown.rollout_id
    for _ in range(20):
        await send(verdict(half, "production", "down"))
    for _ in range(60):  # and not for production
        await send(scored(half, "candidate", 1, "shadow"))
    assert (await stage(sessions, shown.rollout_id)).stage == "canary"
    for _ in range(30):
        await send(verdict(half, "candidate", "up"))

    *_, last = await changes(published)
    [production] = last.arms
    assert (production.name, production.adapter_digest) == ("production", "c" * 64)
    assert last.stage == "steady"
    assert last.rollout_id != shown.rollout_id
    assert "not worse than production" in last.reason
    assert len(await changes(published)) == 4, "a redelivery decides nothing again"
    assert (await stage(sessions, shown.rollout_id)).stage == "production"


async def test_a_candidate_without_a_gain_is_never_shown(
    send: Send, published: Published, sessions: Sessions
) -> None:
    await send(trained())
    [candidate] = await changes(published)

    await send(evaluated(candidate, gain=0.1))

    last = (await changes(published))[-1]
    [production] = last.arms
    assert production.adapter_digest is None
    assert "did not pass the gate: moved/1: +0.10" in last.reason
    assert (await stage(sessions, candidate.rollout_id)).stage == "rejected"


async def test_a_canary_that_is_worse_is_taken_back(send: Send, published: Published) -> None:
    shown = await canary(send, published)

    await at_half(send, published, shown)
    for _ in range(20):  # of the first step, and said late
        await send(verdict(shown, "production", "up"))
        await send(verdict(shown, "candidate", "down"))

    last = (await changes(published))[-1]
    assert [arm.adapter_digest for arm in last.arms] == [None]
    assert "worse than production" in last.reason


async def test_another_adapter_waits_for_its_turn(
    send: Send, published: Published, sessions: Sessions
) -> None:
    first, second = trained("c"), trained("d")
    await send(first)
    await send(second)
    [candidate] = await changes(published)
    assert candidate.arms[1].job_id == first.job_id

    await send(evaluated(candidate, gain=0))

    last = (await changes(published))[-1]
    assert last.stage == "candidate"
    assert last.arms[1].job_id == second.job_id


async def test_an_adapter_of_another_base_is_not_even_loaded(
    send: Send, published: Published
) -> None:
    await send(trained(base=OTHER))
    assert await changes(published) == []


@pytest.mark.parametrize("who", ["a look", "an answer", "a replica"])
async def test_who_waits_for_the_route_sees_what_was_decided_meanwhile(
    send: Send,
    published: Published,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
) -> None:
    """On PostgreSQL a reader comes as far as the route's lock; SQLite has one writer at a time."""
    shown = await canary(send, published)
    get_route, decided = store.get_route, False

    async def wait_for_the_lock(
        session: AsyncSession, tenant: str, name: str
    ) -> RolloutChanged | None:
        nonlocal decided
        if not decided:  # somebody else has the lock, promotes, and lets go
            decided = True
            rival = AsyncSession(await session.connection())
            row = await rival.get_one(Rollout, ("acme", shown.rollout_id))
            await rollouts.end(rival, row, "production", "by hand", "ada")
        return await get_route(session, tenant, name)

    monkeypatch.setattr(store, "get_route", wait_for_the_lock)
    match who:
        case "a look":
            await watching.look(sessions)
        case "an answer":
            await send(verdict(shown, "candidate", "down"))
        case _:
            await send(refused(shown))

    assert (await stage(sessions, shown.rollout_id)).stage == "production"
    assert (await changes(published))[-1].arms[0].adapter_digest == "c" * 64


async def test_what_may_be_taken_back_to_stays_loaded_through_the_next_rollout(
    send: Send, published: Published, sessions: Sessions
) -> None:
    async def promoted(digest: str) -> UUID:
        await send(trained(digest))
        begun = (await changes(published))[-1]
        await end(begun.rollout_id, "production")
        return begun.rollout_id

    async def end(rollout_id: UUID, stage: str) -> None:
        async with transaction(sessions) as session:
            row = await session.get_one(Rollout, ("acme", rollout_id))
            await rollouts.end(session, row, stage, "by hand", "ada")

    async def arms() -> list[tuple[str, int, str | None]]:
        route = (await changes(published))[-1]
        return [(arm.name, arm.share, (arm.adapter_digest or "")[:1]) for arm in route.arms]

    await promoted("c")
    second = await promoted("d")
    kept = [("production", 10_000, "d"), ("previous", 0, "c")]
    assert await arms() == kept

    await send(trained("e"))
    begun = (await changes(published))[-1]
    assert await arms() == [kept[0], ("candidate", 0, "e"), kept[1]]
    await send(evaluated(begun))
    assert await arms() == [("production", 9_900, "d"), ("candidate", 100, "e"), kept[1]]
    await end(begun.rollout_id, "rolled-back")
    assert await arms() == kept

    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", second))
        await rollouts.take_back(session, row, "it was wrong", "ada")
    assert await arms() == [("production", 10_000, "c")]


async def test_what_was_promoted_can_be_taken_back(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)
    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", shown.rollout_id))
        await rollouts.end(session, row, "production", "by hand", "ada")
    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", shown.rollout_id))
        await rollouts.take_back(session, row, "it was wrong", "ada")

    *_, promoted, back = await changes(published)
    assert promoted.arms[0].adapter_digest == "c" * 64
    assert [arm.adapter_digest for arm in back.arms] == [None]
    assert back.reason == "it was wrong"
