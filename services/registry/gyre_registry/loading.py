"""What replicas say of adapters: who can answer with one, and why nobody can. Commits nothing."""

from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AdapterLoaded, RolloutChanged
from gyre_registry import lineage, store
from gyre_registry.desired import production
from gyre_registry.tables import Fact, Rollout

# After a change of its route a replica says in seconds what it has; one that starts, in minutes.
SPEAK_WITHIN = timedelta(minutes=10)


async def keep(session: AsyncSession, tenant: str, event: AdapterLoaded) -> bool:
    """Keep what a replica says of a route's adapter, and tell whether it is its last word.

    The words of others stay beside it. A word may come again after those that followed it.
    """
    id = f"{event.route}/{event.adapter_digest}/{event.replica}"
    kept = await session.get(Fact, (tenant, event.topic, id))
    last = AdapterLoaded.model_validate(kept.fact) if kept else event
    if (last.revision, last.decided_at) > (event.revision, event.decided_at):
        return False
    await lineage.keep(session, tenant, event, id)
    return True


async def why_not_loaded(session: AsyncSession, row: Rollout) -> str:
    """Return why nobody can answer with a rollout's adapter yet; empty: a replica can."""
    words = await _words(session, row.tenant, row.route, row.adapter_digest)
    words = [word for word in words if word.rollout_id == row.rollout_id]
    if not words:
        return "no replica has loaded it yet"
    if any(word.outcome == "loaded" for word in words):
        return ""
    last = max(words, key=lambda word: word.decided_at)
    return f"replica {last.replica} waits: {last.reason}"


async def refusals(session: AsyncSession, tenant: str, route: RolloutChanged) -> str:
    """Return which replicas refuse what a route has in production, and why; empty: none does."""
    digest = production(route).adapter_digest
    words = await _words(session, tenant, route.route, digest) if digest else []
    return "; ".join(
        refusal_of(word)
        for word in words
        if word.rollout_id == route.rollout_id and word.outcome == "refused" and not word.waits
    )


def refusal_of(event: AdapterLoaded) -> str:
    return f"replica {event.replica} refuses the adapter: {event.reason}"


async def others_with(
    session: AsyncSession, tenant: str, route: RolloutChanged, event: AdapterLoaded, at: datetime
) -> list[str]:
    """Return the other replicas that have loaded an adapter since a route has it.

    After every change of a route all replicas speak again, and the one that refuses may be the
    first. Whoever has not spoken long after a change is gone, as a container that another one has
    replaced, whose name differs.

    Args:
        session: Of the transaction.
        tenant: Whose route it is.
        route: As it is now.
        event: What one replica says of the adapter.
        at: When that came into the log.
    """
    since = await _since(session, tenant, route, event.adapter_digest)
    are_late = at - route.decided_at > SPEAK_WITHIN
    return [
        word.replica
        for word in await _words(session, tenant, event.route, event.adapter_digest)
        if word.replica != event.replica
        and word.outcome == "loaded"
        and word.revision >= since
        and (word.rollout_id == route.rollout_id or not are_late)
    ]


async def _since(session: AsyncSession, tenant: str, route: RolloutChanged, digest: str) -> int:
    """Return the first of the revisions in which a route has had an adapter without a break."""
    first = route.revision
    while before := await store.get_revision(session, tenant, route.route, first - 1):
        if all(arm.adapter_digest != digest for arm in before.arms):
            break
        first = before.revision
    return first


async def _words(
    session: AsyncSession, tenant: str, route: str, digest: str
) -> list[AdapterLoaded]:
    """Return the last word of every replica on a route's adapter, in any rollout."""
    query = (
        select(Fact)
        .where(
            col(Fact.tenant) == tenant,
            col(Fact.kind) == AdapterLoaded.topic,
            col(Fact.id).startswith(f"{route}/{digest}/", autoescape=True),
        )
        .order_by(col(Fact.id))
    )
    return [AdapterLoaded.model_validate(row.fact) for row in await session.exec(query)]
