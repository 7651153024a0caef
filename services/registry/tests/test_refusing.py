"""What becomes of an adapter that a replica refuses."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from gyre_events import RolloutChanged
from gyre_registry import loading, rollouts
from gyre_registry.deciding import ensure_routes, put_route
from gyre_registry.desired import Wish
from gyre_registry.tables import Rollout
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_service.database import Sessions, transaction

from .conftest import ACME, BASE, Published, Send
from .test_rollouts import changes, loaded, refused, stage, trained


async def test_a_replica_that_refuses_ends_the_rollout(send: Send, published: Published) -> None:
    await send(trained())
    [candidate] = await changes(published)

    await send(refused(candidate))

    assert "replica inference-0 refuses" in (await changes(published))[-1].reason


async def test_production_that_a_replica_refuses_is_taken_back(
    send: Send, published: Published, sessions: Sessions
) -> None:
    ended = []
    for digest in "cde":
        await send(trained(digest))
        begun = (await changes(published))[-1]
        ended.append(begun.rollout_id)
        async with transaction(sessions) as session:
            row = await session.get_one(Rollout, ("acme", begun.rollout_id))
            if digest != "e":
                await rollouts.end(session, row, "production", "by hand", "ada")
    decided = len(await changes(published))
    await send(refused(begun, "c"))  # `previous`: who wants it back will see
    shown = (await changes(published))[decided - 2]
    await send(refused(shown, "d"))  # told of a revision that is not wanted any more
    assert len(await changes(published)) == decided

    await send(refused(begun, "d"))

    [back] = (await changes(published))[decided:]
    assert (back.stage, [arm.adapter_digest for arm in back.arms]) == ("steady", ["c" * 64])
    assert back.reason == "replica inference-0 refuses the adapter: NaN in its weights"
    assert [(await stage(sessions, one)).stage for one in ended] == [
        "production",
        "rolled-back",
        "rejected",  # what it was compared to is gone
    ]

    await send(refused(back, "c"))
    assert [arm.adapter_digest for arm in (await changes(published))[-1].arms] == [None]


@pytest.mark.parametrize(("kept", "then"), [("b", "b" * 64), (None, None)])
async def test_so_is_one_that_came_there_before_this_registry(
    send: Send, published: Published, sessions: Sessions, kept: str | None, then: str | None
) -> None:
    route = await put_route(sessions, "acme", Wish("default", prompt="Be kind."), BASE)
    arm = route.arms[0].model_copy(update={"adapter_digest": "c" * 64, "adapter_uri": "file:///c"})
    previous = arm.model_copy(
        update={"name": "previous", "share": 0, "adapter_digest": (kept or "") * 64}
    )
    arms = (arm, previous) if kept else (arm,)
    taken = route.model_copy(update={"revision": route.revision + 1, "arms": arms})
    await ensure_routes(sessions, [("acme", taken)], BASE)

    await send(refused(taken))

    [back] = (await changes(published))[-1].arms
    assert (back.name, back.share, back.adapter_digest) == ("production", 10_000, then)


async def in_production(
    send: Send, published: Published, sessions: Sessions, *, is_loaded: bool
) -> RolloutChanged:
    """Bring an adapter to production, which the replica inference-0 may have loaded before."""
    await send(trained())
    begun = (await changes(published))[-1]
    if is_loaded:
        await send(loaded(begun))
    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", begun.rollout_id))
        await rollouts.end(session, row, "production", "by hand", "ada")
    return (await changes(published))[-1]


async def test_production_that_another_replica_has_loaded_stays_and_who_refuses_it_is_told(
    send: Send,
    published: Published,
    sessions: Sessions,
    stub: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def reason() -> str:
        told = await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)
        return str(told.rollouts[0].reason)

    route = await in_production(send, published, sessions, is_loaded=True)
    other = {"replica": "inference-1", "reason": "no folder"}
    refuses = "replica inference-1 refuses the adapter: no folder"
    for _ in range(2):  # and again after a change, when it may be the first to speak
        assert await reason() == "by hand"
        await send(refused(route).model_copy(update=other))
        assert (await changes(published))[-1] == route
        assert await reason() == f"by hand; {refuses}"
        assert f"{refuses}; it stays in production: inference-0 has loaded it" in caplog.text
        route = await put_route(
            sessions, "acme", Wish("default", prompt=f"{route.revision}."), BASE
        )

    await send(refused(route))
    assert (await changes(published))[-1].arms[0].adapter_digest is None


@pytest.mark.parametrize("speaks_again", [True, False])
async def test_a_replica_that_is_silent_after_a_change_is_gone(
    send: Send,
    published: Published,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    speaks_again: bool,
) -> None:
    """As a container that was made anew, under another name: nobody has the adapter then."""
    await in_production(send, published, sessions, is_loaded=True)
    route = await put_route(sessions, "acme", Wish("default", prompt="Be kind."), BASE)
    monkeypatch.setattr(loading, "SPEAK_WITHIN", timedelta(days=-1))  # long after it
    word = refused(route)
    if speaks_again:
        await send(word.model_copy(update={"outcome": "loaded", "reason": ""}))

    await send(word.model_copy(update={"replica": "inference-1"}))

    kept = (await changes(published))[-1].arms[0].adapter_digest
    assert kept == ("c" * 64 if speaks_again else None)


async def test_who_had_it_loaded_when_it_was_there_before_says_nothing_of_now(
    send: Send, published: Published, sessions: Sessions
) -> None:
    await in_production(send, published, sessions, is_loaded=True)
    async with transaction(sessions) as session:
        row = (await session.exec(select(Rollout))).one()
        await rollouts.take_back(session, row, "it was wrong", "ada")
    route = await in_production(send, published, sessions, is_loaded=False)

    await send(refused(route).model_copy(update={"replica": "inference-1"}))

    assert (await changes(published))[-1].arms[0].adapter_digest is None


async def test_a_refusal_that_comes_again_after_its_replica_has_loaded_it_says_nothing(
    send: Send, published: Published, sessions: Sessions
) -> None:
    route = await in_production(send, published, sessions, is_loaded=False)
    word = refused(route)
    later = {"outcome": "loaded", "reason": "", "decided_at": word.decided_at + timedelta(hours=1)}
    has_it = word.model_copy(update=later)
    await send(has_it)

    await send(word)

    assert (await changes(published))[-1] == route
    async with transaction(sessions) as session:
        assert not await loading.refusals(session, "acme", route)
