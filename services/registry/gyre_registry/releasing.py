"""What a person asks of rollouts, and how they are told."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from anyio import to_thread
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import ReleasePolicy, RolloutChanged
from gyre_registry import canary, evidence, finding, lineage, loading, rollouts, store
from gyre_registry.deciding import in_transaction
from gyre_registry.desired import DEFAULT, PRODUCTION
from gyre_registry.tables import CANDIDATE, ROLLED_BACK, UNDER_WAY, Adapter, Rollout
from gyre_registry.tables import PRODUCTION as IN_PRODUCTION
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_service import adapters
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import NotFound, Rejected
from gyre_service.ids import new_id, now, utc

BY = "somebody"


async def promote(session: AsyncSession, tenant: str, request: pb.PromoteRequest) -> Rollout:
    """Put what is under way into production, whatever its evidence.

    Raises:
        Rejected: It is not under way, no replica has loaded it yet, or its route was taken from
            under it.
    """
    row = await finding.meant(session, tenant, request.rollout_id, request.route)
    if row.stage not in UNDER_WAY:
        stage, _ = await finding.standing(session, row)
        raise Rejected(f"rollout {row.rollout_id} is {stage}: only one under way is promoted")
    missing = row.stage == CANDIDATE and await loading.why_not_loaded(session, row)
    if missing:
        raise Rejected(f"adapter {row.adapter_digest[:12]} cannot answer: {missing}")
    reason = request.reason or "promoted by hand"
    await rollouts.end(session, row, IN_PRODUCTION, reason, request.by or BY)
    if row.stage != IN_PRODUCTION:
        raise Rejected(f"rollout {row.rollout_id} is over: {row.reason}")
    return row


async def rollback(session: AsyncSession, tenant: str, request: pb.RollbackRequest) -> Rollout:
    """End what is under way, or take back what is in production.

    Raises:
        Rejected: It is over.
    """
    row = await finding.meant(session, tenant, request.rollout_id, request.route)
    reason, by = request.reason or "rolled back by hand", request.by or BY
    if row.stage in UNDER_WAY:
        await rollouts.end(session, row, ROLLED_BACK, reason, by)
    elif row.stage == IN_PRODUCTION:
        await rollouts.take_back(session, row, reason, by)
    else:
        raise Rejected(f"rollout {row.rollout_id} is {row.stage}: there is nothing to take back")
    return row


async def import_adapter(
    sessions: Sessions, tenant: str, request: pb.ImportAdapterRequest, cache: Path
) -> pb.Rollout:
    """Register an adapter that somebody made elsewhere, and begin its rollout.

    Raises:
        NotFound: There is no such route.
        Rejected: The folder is not what its digest says, or is for another base.
    """
    name = request.route or DEFAULT
    digest = request.adapter_digest
    id = UUID(request.rollout_id) if request.rollout_id else new_id()
    async with snapshot(sessions) as session:
        base = await _base_digest(session, tenant, name)
    # In no transaction: nobody else could decide anything while a folder comes from far away.
    folder = await adapters.fetch(request.adapter_uri, cache)
    await to_thread.run_sync(adapters.verify, folder, digest, base)

    async def attempt(session: AsyncSession) -> pb.Rollout:
        served = await _base_digest(session, tenant, name)
        if served != base:
            raise Rejected(
                f"adapter {digest[:12]} was made for the base {base[:12]}, "
                f"served is {served[:12]} since it was fetched"
            )
        adapter = await session.get(Adapter, (tenant, name, digest))
        adapter = adapter or Adapter(
            tenant=tenant,
            digest=digest,
            uri=request.adapter_uri,
            route=name,
            base_digest=base,
            created_at=now(),
        )
        session.add(adapter)
        row = await rollouts.enter(session, tenant, adapter, id, request.by or BY)
        return await message_of(session, row)

    return await in_transaction(sessions, attempt)


async def _base_digest(session: AsyncSession, tenant: str, name: str) -> str:
    route = await store.read_route(session, tenant, name)
    if route is None and name == DEFAULT:
        route = await store.read_route(session, DEFAULT, DEFAULT)
    if route is None:
        raise NotFound(f"there is no route {name!r}", param="route")
    return route.base.digest


async def message_of(session: AsyncSession, row: Rollout) -> pb.Rollout:
    """Return a rollout with its evidence and its history."""
    route = await store.read_route(session, row.tenant, row.route)
    stage, share = await finding.standing(session, row)
    missing = ""
    if row.stage == CANDIDATE:
        missing = await loading.why_not_loaded(session, row)
    elif stage == IN_PRODUCTION and route is not None:
        missing = await loading.refusals(session, row.tenant, route)
    policy = route.policy.release if route else ReleasePolicy()
    return pb.Rollout(
        rollout_id=str(row.rollout_id),
        route=row.route,
        stage=stage,
        share=share,
        adapter_digest=row.adapter_digest,
        before_digest=(row.before or {}).get("adapter_digest") or "",
        job_id=str(row.job_id or ""),
        reason=f"{row.reason}; {missing}" if missing else row.reason,
        began_at=utc(row.began_at).isoformat(),
        changed_at=utc(row.changed_at).isoformat(),
        evidence=list(_told(await _known(session, row, route), policy)),
        history=[pb.Step(**step) for step in await lineage.steps_of(session, row)],
        gate_json=json.dumps(row.gate) if row.gate else "",
    )


async def _known(
    session: AsyncSession, row: Rollout, route: RolloutChanged | None
) -> canary.Evidence:
    """Return what decides, or did: of the period that is now, else of the last one."""
    known = await evidence.of_rollout(session, row.tenant, row.rollout_id)
    period = max(known, default=0)
    if route is not None and route.rollout_id == row.rollout_id:
        period = (await evidence.period_of(session, row.tenant, route)).revision
    return known.get(period, canary.Evidence())


def _told(known: canary.Evidence, policy: ReleasePolicy) -> Iterator[pb.Evidence]:
    """Yield what stands beside what: live answers, then all that the judge has seen."""
    for source, compared in (("live", known.live), ("judge", known.judge)):
        for arm, count in ((PRODUCTION, compared.production), (CANDIDATE, compared.candidate)):
            bounds = canary.bounds(count, policy)
            yield pb.Evidence(
                arm=arm,
                source=source,
                answers=count.answers,
                bad=count.bad,
                low=bounds.low,
                high=bounds.high,
            )


async def adapters_of(session: AsyncSession, tenant: str, route: str) -> list[pb.Adapter]:
    """Return what is registered, the newest first."""
    query = select(Adapter).where(col(Adapter.tenant) == tenant)
    if route:
        query = query.where(col(Adapter.route) == route)
    rows = (await session.exec(query.order_by(col(Adapter.created_at).desc()))).all()
    stages = {
        (row.route, row.adapter_digest): (await finding.standing(session, row))[0]
        for row in reversed(await finding.rollouts_of(session, tenant, route))
    }
    return [
        pb.Adapter(
            digest=row.digest,
            uri=row.uri,
            route=row.route,
            base_digest=row.base_digest,
            job_id=str(row.job_id or ""),
            stage=stages.get((row.route, row.digest), ""),
            created_at=utc(row.created_at).isoformat(),
        )
        for row in rows
    ]


def answer_id_of(text: str) -> UUID:
    """Return an answer's id.

    Raises:
        Rejected: It is none.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise Rejected(f"answer_id is {text!r}, expected a UUID", param="answer_id") from error
