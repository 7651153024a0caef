"""Decisions about routes: each is one transaction, with its publication in the outbox."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import Base, RolloutChanged
from gyre_registry import store
from gyre_registry.desired import DEFAULT, Decision, Wish, abandoned, put, rebased
from gyre_registry.limits import MAX_RANK
from gyre_registry.lineage import keep_prompt
from gyre_registry.tables import UNDER_WAY, Rollout
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Conflict
from gyre_service.ids import derived_id, new_id, now
from gyre_service.kafka import enqueue

ATTEMPTS = 5
SERVICE = "registry"

log = logging.getLogger(__name__)
T = TypeVar("T")


async def put_route(
    sessions: Sessions, tenant: str, wish: Wish, base: Base, max_rank: int = MAX_RANK
) -> RolloutChanged:
    """Create or change a route of a tenant. The same content again changes nothing.

    Raises:
        Rejected: The wish is wrong.
        Conflict: Others changed the route in each of our attempts.
    """

    async def attempt(session: AsyncSession) -> RolloutChanged:
        before = await store.get_route(session, tenant, wish.name)
        rollout = put(before, wish, base, _decision(), max_rank)
        if rollout is not before:
            reason = "changed by PutRoute" if before else "created by PutRoute"
            await decide(session, tenant, rollout, reason)
        return rollout

    return await in_transaction(sessions, attempt)


async def ensure_routes(
    sessions: Sessions, published: Iterable[tuple[str, RolloutChanged]], base: Base
) -> None:
    """Make the own rows and the topic agree, and every route stand on `base`.

    A route that only the topic has, or has in a later revision, is taken over: consumers would
    ignore whatever we said under a lower revision. Where the topic says anything else, what we
    have is published again. A rollout without a row of its own, as after a loss of the rows, would
    never end: its route is steady again.
    Where there is no route `default` of the tenant `default` at all, it is created.

    Args:
        sessions: Of the own database.
        published: What the topic holds, with tenants.
        base: The model that is served now.
    """
    topic = {(tenant, rollout.route): rollout for tenant, rollout in published}

    async def attempt(session: AsyncSession) -> None:
        own = {(tenant, r.route): r for tenant, r in await store.every_route(session)}
        for (tenant, name), rollout in topic.items():
            mine = own.get((tenant, name))
            if mine is None or mine.revision < rollout.revision:
                await store.save(session, tenant, rollout, "taken over from the topic")
                own[tenant, name] = rollout
        if (DEFAULT, DEFAULT) not in own:
            first = put(None, Wish(DEFAULT), base, _decision())
            await decide(session, DEFAULT, first, "there was no route")
        for (tenant, name), before in own.items():
            rollout = rebased(before, base, _decision())
            if rollout is not before:
                reason = f"the base is {base.name} {base.digest[:12]} now"
                await decide(session, tenant, rollout, reason)
            elif before.stage != "steady" and not await _is_under_way(session, tenant, before):
                rollout = abandoned(before, _decision())
                await decide(session, tenant, rollout, rollout.reason)
            elif topic.get((tenant, name)) != before:
                _publish(session, tenant, before)

    await in_transaction(sessions, attempt)


async def in_transaction(sessions: Sessions, attempt: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Return what `attempt` returns, after a few attempts if other processes are faster."""
    for _ in range(ATTEMPTS - 1):
        try:
            async with transaction(sessions) as session:
                return await attempt(session)
        except Conflict as conflict:  # no Kafka in front of us that would try again
            log.info("another process was faster: %s", conflict)
    async with transaction(sessions) as session:
        return await attempt(session)


async def decide(session: AsyncSession, tenant: str, rollout: RolloutChanged, reason: str) -> None:
    """Make a revision the truth of its route, and publish it with the transaction."""
    await store.save(session, tenant, rollout, reason)
    for arm in rollout.arms:
        await keep_prompt(session, tenant, arm.prompt.digest, arm.prompt.text)
    _publish(session, tenant, rollout)
    log.info("%s/%s revision %d: %s", tenant, rollout.route, rollout.revision, reason)


async def _is_under_way(session: AsyncSession, tenant: str, route: RolloutChanged) -> bool:
    row = await session.get(Rollout, (tenant, route.rollout_id))
    return row is not None and row.stage in UNDER_WAY


def _publish(session: AsyncSession, tenant: str, rollout: RolloutChanged) -> None:
    # Derived, so that a revision that is published again is the same event.
    id = derived_id(tenant, SERVICE, rollout.topic, rollout.route, rollout.revision)
    enqueue(session, rollout, tenant, SERVICE, id)


def _decision() -> Decision:
    return Decision(rollout_id=new_id(), decided_at=now())
