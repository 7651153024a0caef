"""What happens to rollouts because time passes, and what the watch finds changed."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_registry import deciding, rollouts, watching
from gyre_registry.deciding import ensure_routes, put_route
from gyre_registry.desired import Wish
from gyre_registry.tables import OutcomeCount, Rollout
from gyre_service.database import Sessions, transaction
from gyre_service.ids import now

from .conftest import BASE, OTHER, Published, Send
from .test_rollouts import at_half, canary, changes, loaded, scored, stage, trained, verdict


async def test_a_step_without_evidence_times_out(
    send: Send, published: Published, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await canary(send, published)
    await watching.look(sessions)
    assert (await changes(published))[-1].stage == "canary"

    monkeypatch.setattr(watching, "now", lambda: now() + timedelta(days=2))
    await watching.look(sessions)

    assert "no evidence in" in (await changes(published))[-1].reason


@pytest.mark.parametrize("step", ["first", "last"])
async def test_a_step_that_still_gets_evidence_does_not(
    send: Send,
    published: Published,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """A good adapter of a route with little traffic was taken back the day after."""
    shown = await canary(send, published)
    if step == "last":
        shown = await at_half(send, published, shown)
    await send(verdict(shown, "candidate", "up"))
    later = now() + timedelta(days=2)
    monkeypatch.setattr(watching, "now", lambda: later)
    await judged_at(sessions, later - timedelta(hours=23), "live", "all")
    await watching.look(sessions)
    assert (await changes(published))[-1] == shown

    await judged_at(sessions, later - timedelta(hours=25), "live", "all")
    await judged_at(sessions, later, "all" if step == "last" else "live")  # as by shadows alone
    if step == "first":
        await judged_at(sessions, later - timedelta(hours=25), "all")
    await watching.look(sessions)
    assert "no evidence in" in (await changes(published))[-1].reason


async def judged_at(sessions: Sessions, time: datetime, *kinds: str) -> None:
    """Let the newest answers have been judged at a time."""
    async with transaction(sessions) as session:
        for row in await session.exec(select(OutcomeCount)):
            if row.kind in kinds:
                row.newest_at = time
                session.add(row)


async def test_who_changes_what_is_asked_begins_the_time_anew(
    send: Send, published: Published, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await canary(send, published)
    later = now() + timedelta(days=2)
    monkeypatch.setattr(deciding, "now", lambda: later)
    changed = await put_route(sessions, "acme", Wish("default", prompt="Be kind."), BASE)

    monkeypatch.setattr(watching, "now", lambda: later)
    await watching.look(sessions)

    assert (await changes(published))[-1] == changed


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_a_candidate_that_nobody_measures_times_out(
    send: Send,
    published: Published,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    is_loaded: bool,
) -> None:
    await send(trained())
    if is_loaded:
        await send(loaded((await changes(published))[-1]))
    await watching.look(sessions)
    assert (await changes(published))[-1].stage == "candidate"

    monkeypatch.setattr(watching, "now", lambda: now() + timedelta(days=2))
    await watching.look(sessions)

    last = (await changes(published))[-1]
    why = "" if is_loaded else ": no replica has loaded it yet"
    assert (last.stage, last.reason) == ("steady", f"not measured in 86400 s{why}")


async def test_another_base_ends_what_is_under_way(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)
    await ensure_routes(sessions, [("acme", shown)], OTHER)

    await watching.look(sessions)

    assert (await stage(sessions, shown.rollout_id)).stage == "rejected"


async def test_steps_that_became_fewer_cap_a_canary_that_is_beyond_them(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)
    half = await at_half(send, published, shown)

    await put_route(
        sessions, "acme", Wish("default", policy_json='{"release": {"steps": [200]}}'), BASE
    )
    await send(scored(half, "candidate", 1, "shadow"))
    await watching.look(sessions)

    capped = (await changes(published))[-1]
    assert [arm.share for arm in capped.arms] == [9_800, 200]
    assert capped.reason == "the policy's last step is 2 % now"
    for _ in range(30):
        await send(verdict(capped, "production", "down"))
        await send(verdict(capped, "candidate", "up"))
    assert (await stage(sessions, shown.rollout_id)).stage == "production"


async def test_a_rollout_that_cannot_be_looked_at_does_not_keep_the_others_from_it(
    send: Send, published: Published, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = rollouts.advance

    async def broken(session: AsyncSession, row: Rollout, time: datetime) -> None:
        if row.route == "default":
            raise IndexError("tuple index out of range")
        await advance(session, row, time)

    for route in ("default", "other"):
        await put_route(sessions, "acme", Wish(route), BASE)
        await send(trained(route=route))
    monkeypatch.setattr(rollouts, "advance", broken)
    monkeypatch.setattr(watching, "now", lambda: now() + timedelta(days=2))
    await watching.look(sessions)

    *_, last = await changes(published)
    assert last.route == "other"
    assert last.reason.startswith("not measured in 86400 s")
