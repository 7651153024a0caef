import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from gyre_registry import store
from gyre_registry.deciding import ensure_routes, put_route
from gyre_registry.desired import Wish
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Conflict, Rejected

from .conftest import BASE, OTHER, Published


async def reasons(sessions: Sessions, tenant: str, route: str) -> list[tuple[int, str]]:
    async with snapshot(sessions) as session:
        rows = await store.history(session, tenant, route)
    return [(row.revision, row.reason) for row in rows]


async def test_the_first_start_publishes_the_default_route(
    sessions: Sessions, published: Published
) -> None:
    await ensure_routes(sessions, [], BASE)

    [(tenant, rollout)] = await published.rollouts()
    assert (tenant, rollout.route, rollout.revision) == ("default", "default", 1)
    assert rollout.base == BASE
    [row] = await published.rows()
    assert (row.topic, row.key) == ("rollout-changed", b"default/default")
    assert await reasons(sessions, "default", "default") == [(1, "there was no route")]


async def test_a_restart_publishes_nothing(sessions: Sessions, published: Published) -> None:
    await ensure_routes(sessions, [], BASE)
    topic = await published.rollouts()

    await ensure_routes(sessions, topic, BASE)

    assert await published.rollouts() == topic


async def test_a_topic_that_lost_the_route_gets_the_same_event_again(
    sessions: Sessions, published: Published
) -> None:
    await ensure_routes(sessions, [], BASE)

    await ensure_routes(sessions, [], BASE)

    first, second = await published.rows()
    assert (first.id, first.body) == (second.id, second.body)
    assert len(await reasons(sessions, "default", "default")) == 1


async def test_an_empty_database_takes_over_what_the_topic_has(
    sessions: Sessions, published: Published
) -> None:
    await put_route(sessions, "acme", Wish("support", "manuals"), BASE)
    changed = await put_route(sessions, "acme", Wish("support", prompt="Be kind."), BASE)
    first = changed.model_copy(update={"route": "default", "revision": 7})
    topic = [("default", first), ("umbrella", changed)]
    before = len(await published.rows())

    await ensure_routes(sessions, topic, BASE)

    added = (await published.rollouts())[before:]
    assert added == [("acme", changed)]  # the only one that this topic lacks
    assert await reasons(sessions, "default", "default") == [(7, "taken over from the topic")]
    later = await put_route(sessions, "umbrella", Wish("support", prompt="Be brief."), BASE)
    assert later.revision == 3


@pytest.mark.parametrize("stage", ["candidate", "canary"])
async def test_a_rollout_that_nobody_knows_does_not_last_for_ever(
    sessions: Sessions, published: Published, stage: str
) -> None:
    first = await put_route(sessions, "acme", Wish("support"), BASE)
    [arm] = first.arms
    wanted = (("production", 9_900, "c"), ("candidate", 100, "d"), ("previous", 0, "e"))
    arms = tuple(
        arm.model_copy(update={"name": name, "share": share, "adapter_digest": digest * 64})
        for name, share, digest in wanted
    )
    lost = first.model_copy(update={"revision": 4, "stage": stage, "arms": arms})

    await ensure_routes(sessions, [("acme", lost)], BASE)

    _, steady = (await published.rollouts())[-1]
    assert (steady.revision, steady.stage) == (5, "steady")
    assert [(one.name, one.share) for one in steady.arms] == [
        ("production", 10_000),
        ("previous", 0),
    ]
    assert [one.adapter_digest for one in steady.arms] == ["c" * 64, "e" * 64]
    assert steady.rollout_id != lost.rollout_id
    assert (await reasons(sessions, "acme", "support"))[-2:] == [
        (4, "taken over from the topic"),
        (5, "its rollout is not known to this registry"),
    ]


async def test_of_two_the_later_revision_is_true_and_of_equals_our_own(
    sessions: Sessions, published: Published
) -> None:
    own = await put_route(sessions, "default", Wish("default"), BASE)
    foreign = own.model_copy(update={"collection": "elsewhere"})

    await ensure_routes(sessions, [("default", foreign)], BASE)
    assert (await published.rollouts())[-1] == ("default", own)

    later = foreign.model_copy(update={"revision": 5})
    await ensure_routes(sessions, [("default", later)], BASE)
    async with snapshot(sessions) as session:
        assert await store.routes_of(session, "default") == [later]


async def test_another_model_is_a_new_rollout_of_every_route(
    sessions: Sessions, published: Published
) -> None:
    await ensure_routes(sessions, [], BASE)
    await put_route(sessions, "acme", Wish("support"), BASE)
    topic = await published.rollouts()

    await ensure_routes(sessions, topic, OTHER)

    changed = (await published.rollouts())[len(topic) :]
    assert {(t, r.route, r.revision, r.base.name) for t, r in changed} == {
        ("default", "default", 2, "gemma-3-270m"),
        ("acme", "support", 2, "gemma-3-270m"),
    }
    assert not {r.rollout_id for _, r in changed} & {r.rollout_id for _, r in topic}
    assert (await reasons(sessions, "acme", "support"))[1] == (
        2,
        "the base is gemma-3-270m bbbbbbbbbbbb now",
    )


async def test_tenants_have_routes_of_their_own(sessions: Sessions, published: Published) -> None:
    await put_route(sessions, "acme", Wish("support", prompt="Be kind."), BASE)
    await put_route(sessions, "umbrella", Wish("support", prompt="Be brief."), BASE)
    await put_route(sessions, "acme", Wish("support", collection="manuals"), BASE)

    async with snapshot(sessions) as session:
        [acme] = await store.routes_of(session, "acme")
        [umbrella] = await store.routes_of(session, "umbrella")
    assert (acme.revision, acme.arms[0].prompt.text) == (2, "Be kind.")
    assert (umbrella.revision, umbrella.arms[0].prompt.text) == (1, "Be brief.")
    keys = [row.key for row in await published.rows()]
    assert keys == [b"acme/support", b"umbrella/support", b"acme/support"]


async def test_what_is_refused_leaves_nothing(sessions: Sessions, published: Published) -> None:
    with pytest.raises(Rejected):
        await put_route(sessions, "acme", Wish("support", policy_json="{"), BASE)

    assert await published.rows() == []
    assert await reasons(sessions, "acme", "support") == []


async def test_the_same_wish_twice_is_one_revision(
    sessions: Sessions, published: Published
) -> None:
    wish = Wish("support", "manuals", "Be kind.", '{"passages": 2}')

    assert await put_route(sessions, "acme", wish, BASE) == await put_route(
        sessions, "acme", wish, BASE
    )

    assert len(await published.rows()) == 1


async def test_wishes_at_the_same_time_all_count(sessions: Sessions, published: Published) -> None:
    wishes = [Wish("support", prompt=f"Prompt {n}.") for n in range(8)]

    await asyncio.gather(*(put_route(sessions, "acme", wish, BASE) for wish in wishes))

    assert [r.revision for _, r in await published.rollouts()] == list(range(1, 9))


async def test_a_lost_race_is_tried_again(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, losses = store.save, iter((Conflict("first"), Conflict("second")))

    async def overtaken(*args: Any) -> None:
        if (conflict := next(losses, None)) is not None:
            raise conflict
        await save(*args)

    monkeypatch.setattr(store, "save", overtaken)

    assert (await put_route(sessions, "acme", Wish("support"), BASE)).revision == 1


async def test_who_loses_every_race_is_told(
    sessions: Sessions, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = AsyncMock(side_effect=Conflict("overtaken"))
    monkeypatch.setattr(store, "save", save)

    with pytest.raises(Conflict, match="overtaken"):
        await put_route(sessions, "acme", Wish("support"), BASE)

    assert save.call_count == 5
    assert await published.rows() == []
