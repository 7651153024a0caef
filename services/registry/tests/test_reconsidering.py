"""What is said of a canary after it came to production."""

import pytest

from gyre_events import RolloutChanged
from gyre_registry import rollouts
from gyre_registry.tables import Rollout
from gyre_service.database import Sessions, transaction

from .conftest import Published, Send
from .test_rollouts import at_half, canary, changes, stage, trained, verdict


async def promoted(send: Send, published: Published) -> RolloutChanged:
    """Let the policy promote an adapter, and return the first step of its canary."""
    shown = await canary(send, published)
    half = await at_half(send, published, shown)
    for _ in range(12):
        await send(verdict(half, "production", "down"))
        await send(verdict(half, "candidate", "up"))
    assert (await changes(published))[-1].arms[0].adapter_digest == "c" * 64
    return shown


async def say_late(send: Send, shown: RolloutChanged, number: int = 12) -> None:
    for _ in range(number):
        await send(verdict(shown, "production", "up"))
        await send(verdict(shown, "candidate", "down"))


async def test_what_was_worse_all_along_is_taken_back_once(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await promoted(send, published)
    before = len(await changes(published))

    await say_late(send, shown, 2)
    assert len(await changes(published)) == before, "too few to tell"
    await say_late(send, shown)

    [back] = (await changes(published))[before:]
    assert (back.stage, [arm.adapter_digest for arm in back.arms]) == ("steady", [None])
    assert back.reason.startswith("worse than production: live")
    assert back.reason.endswith("as was said after its promotion")
    assert (await stage(sessions, shown.rollout_id)).stage == "rolled-back"


async def test_what_a_person_promoted_a_person_takes_back(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)
    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", shown.rollout_id))
        await rollouts.end(session, row, "production", "by hand", "ada")
    before = len(await changes(published))

    await say_late(send, shown)

    assert len(await changes(published)) == before


@pytest.mark.parametrize("ends_as", ["rejected", "production"])
async def test_while_another_rollout_is_under_way_nothing_is_taken_back(
    send: Send, published: Published, sessions: Sessions, ends_as: str
) -> None:
    shown = await promoted(send, published)
    await send(trained("d"))
    begun = (await changes(published))[-1]

    await say_late(send, shown)
    assert (await changes(published))[-1] == begun

    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", begun.rollout_id))
        await rollouts.end(session, row, ends_as, "by hand", "ada")
    await say_late(send, shown, 1)
    digest = (await changes(published))[-1].arms[0].adapter_digest
    assert digest == (None if ends_as == "rejected" else "d" * 64)
