"""Decisions about rollouts: each changes a route, its history, and publishes what is wanted now."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AdapterEvaluated, Arm, RolloutChanged
from gyre_events.policy import WHOLE
from gyre_registry import canary, evidence, finding, gate, loading, store
from gyre_registry.deciding import decide
from gyre_registry.desired import (
    DEFAULT,
    PREVIOUS,
    PRODUCTION,
    Decision,
    production,
    settled,
    successor,
)
from gyre_registry.tables import (
    CANARY,
    CANDIDATE,
    REJECTED,
    ROLLED_BACK,
    WAITING,
    Adapter,
    Rollout,
    RolloutStep,
)
from gyre_registry.tables import PRODUCTION as IN_PRODUCTION
from gyre_service.errors import Conflict, Rejected
from gyre_service.ids import new_id, now, utc

POLICY = "policy"  # who decides where no person does
BARE = {"adapter_digest": None, "adapter_uri": None, "job_id": None}  # an arm of the base alone


async def enter(
    session: AsyncSession,
    tenant: str,
    adapter: Adapter,
    rollout_id: UUID,
    by: str,
    reason: str = "",
    job_id: UUID | None = None,
) -> Rollout:
    """Let an adapter wait for its turn, and begin at once if it is its turn.

    Args:
        session: Of the transaction.
        tenant: Whose adapter it is.
        adapter: That may have had rollouts before.
        rollout_id: Of this one.
        by: Who says so.
        reason: Why, if it is not new.
        job_id: Of the training that made it now, if one did: another one may have made it before.
    """
    row = await session.get(Rollout, (tenant, rollout_id))
    if row is None:
        row = Rollout(
            tenant=tenant,
            rollout_id=rollout_id,
            route=adapter.route,
            adapter_digest=adapter.digest,
            job_id=job_id or adapter.job_id,
            stage=WAITING,
            began_at=now(),
            changed_at=now(),
        )
        made = "is trained" if row.job_id else "is imported"
        await move(session, row, WAITING, reason or made, by)
        await begin_next(session, tenant, adapter.route)
    return row


async def begin_next(session: AsyncSession, tenant: str, route: str) -> None:
    """Begin the rollout that waits longest, unless another one is under way."""
    before = await store.get_route(session, tenant, route)
    if before is None and route == DEFAULT:  # the tenant has it of the tenant `default`
        before = await store.get_route(session, DEFAULT, DEFAULT)
        before = before and before.model_copy(update={"revision": 0})
    row = await finding.waiting(session, tenant, route)
    if row is None or await finding.under_way(session, tenant, route) is not None:
        return
    adapter = await session.get_one(Adapter, (tenant, route, row.adapter_digest))
    if before is None:
        await move(session, row, REJECTED, f"there is no route {route}", POLICY)
    elif adapter.base_digest != before.base.digest:
        reason = f"made for the base {adapter.base_digest[:12]}, served is {before.base.name}"
        await move(session, row, REJECTED, reason, POLICY)
    else:
        arm = production(before).model_copy(update={"name": PRODUCTION, "share": WHOLE})
        row.before = arm.model_dump(mode="json")
        await move(session, row, CANDIDATE, "is measured before anybody sees it", POLICY)
        arms = (arm, candidate_arm(row, adapter, arm), *_previous(before))
        await _serve(session, row, before, arms, CANDIDATE)
        return
    await begin_next(session, tenant, route)


def candidate_arm(row: Rollout, adapter: Adapter, arm: Arm, share: int = 0) -> Arm:
    return arm.model_copy(
        update={
            "name": CANDIDATE,
            "share": share,
            "adapter_digest": adapter.digest,
            "adapter_uri": adapter.uri,
            "job_id": row.job_id,
        }
    )


def _previous(route: RolloutChanged) -> tuple[Arm, ...]:
    """Return the arm that keeps the adapter before production's loaded, if there is one."""
    return tuple(arm for arm in route.arms if arm.name == PREVIOUS)


def _before(row: Rollout, route: RolloutChanged) -> Arm:
    """Return what was in production when a rollout began, with the prompt of now."""
    assert row.before is not None
    return Arm.model_validate(row.before).model_copy(update={"prompt": production(route).prompt})


async def pass_gate(session: AsyncSession, row: Rollout, evaluated: AdapterEvaluated) -> None:
    """Let a measured candidate become a canary, or end."""
    route = await _route(session, row)
    if await _overtaken(session, row, route):
        return
    row.gate = evaluated.model_dump(mode="json")
    verdict = gate.judge(evaluated, route.policy.release)
    if verdict.passed:
        await _expose(session, row, 0, f"passed the gate: {verdict.reason}", POLICY)
    else:
        await end(session, row, REJECTED, f"did not pass the gate: {verdict.reason}", POLICY)


async def advance(session: AsyncSession, row: Rollout, time: datetime) -> None:
    """Do with a rollout under way, and `locked`, what its evidence, and the time, say."""
    route = await _route(session, row)
    if await _overtaken(session, row, route):
        return
    policy = route.policy.release
    since = utc(row.changed_at)
    if row.stage == CANDIDATE and (time - since).total_seconds() > policy.step_timeout_s:
        missing = await loading.why_not_loaded(session, row)
        reason = f"not measured in {policy.step_timeout_s:g} s" + (missing and f": {missing}")
        await end(session, row, REJECTED, reason, POLICY)
    if row.stage != CANARY:
        return
    known = await evidence.of_rollout(session, row.tenant, row.rollout_id)
    period = await evidence.period_of(session, row.tenant, route)
    step = canary.step_of(row.share, policy)
    answers, newest_at = await evidence.heard_of_candidate(
        session, row.tenant, row.rollout_id, period.revision, live=canary.is_last(step, policy)
    )
    since = max(since, period.decided_at, newest_at or since)
    standing = canary.Standing(
        evidence=known.pop(period.revision, canary.Evidence()),
        earlier=tuple(known.values()),
        step=step,
        step_answers=answers,
        idle_s=(time - since).total_seconds(),
    )
    found = canary.decide(standing, policy)
    if found.to == "step":
        await _expose(session, row, step + 1, found.reason, POLICY)
    elif found.to == "promote":
        await end(session, row, IN_PRODUCTION, found.reason, POLICY)
    elif found.to == "roll back":
        await end(session, row, ROLLED_BACK, found.reason, POLICY)
    elif row.share > policy.steps[-1]:  # the steps cap exposure, also when they have changed
        reason = f"the policy's last step is {policy.steps[-1] / 100:g} % now"
        await _expose(session, row, step, reason, POLICY)


async def end(session: AsyncSession, row: Rollout, stage: str, reason: str, by: str) -> None:
    """End a rollout that is under way: its adapter is in production now, or out.

    Whatever is wanted of it, one whose route was taken from under it is rejected.
    """
    route = await _route(session, row)
    if await _overtaken(session, row, route):
        return
    before = _before(row, route)
    arms: tuple[Arm, ...] = (before, *_previous(route))
    if stage == IN_PRODUCTION:
        adapter = await session.get_one(Adapter, (row.tenant, row.route, row.adapter_digest))
        arm = candidate_arm(row, adapter, before, WHOLE).model_copy(update={"name": PRODUCTION})
        kept = before.model_copy(update={"name": PREVIOUS, "share": 0})
        arms = (arm, kept) if before.adapter_digest else (arm,)
    row.share = WHOLE if stage == IN_PRODUCTION else 0
    await move(session, row, stage, reason, by)
    await _settle(session, row.tenant, route, arms, reason)
    await begin_next(session, row.tenant, row.route)


async def take_back(
    session: AsyncSession, row: Rollout, reason: str, by: str, *, to_base: bool = False
) -> None:
    """Let what was in production before an adapter be there again, or the base alone.

    Raises:
        Rejected: It is not what is in production, though its adapter may be.
        Conflict: Another rollout is under way.
    """
    route = await _route(session, row)
    here = await finding.in_production(session, row.tenant, route)
    if here is None or here.rollout_id != row.rollout_id:
        raise Rejected(f"rollout {row.rollout_id} is not in production any more")
    if await finding.under_way(session, row.tenant, row.route) is not None:
        raise Conflict("another rollout is under way on this route: end it first")
    before = _before(row, route)
    if to_base:
        before = before.model_copy(update=BARE)
    row.share = 0
    await move(session, row, ROLLED_BACK, reason, by)
    await _settle(session, row.tenant, route, (before,), reason)


async def give_up(session: AsyncSession, tenant: str, route: RolloutChanged, reason: str) -> None:
    """Let what was in production before answer again: what is there cannot.

    What is under way ends with it: there is nothing left that it could be compared to.
    """
    here = await finding.in_production(session, tenant, route)
    under_way = await finding.under_way(session, tenant, route.route)
    if here is not None:
        before = _before(here, route)
        here.share = 0
        await move(session, here, ROLLED_BACK, reason, POLICY)
    else:  # it came there before this registry's rows
        bare = production(route).model_copy(update=BARE)
        arm = next(iter(_previous(route)), bare)
        before = arm.model_copy(update={"name": PRODUCTION, "share": WHOLE})
    wanted = await _settle(session, tenant, route, (before,), reason)
    if under_way is not None:
        await _overtaken(session, under_way, wanted)


async def move(session: AsyncSession, row: Rollout, stage: str, reason: str, by: str) -> None:
    """Note a stage of a rollout, and why."""
    row.stage, row.reason, row.changed_at = stage, reason, now()
    session.add(row)
    await session.flush()
    numbers = select(func.count()).where(
        col(RolloutStep.tenant) == row.tenant, col(RolloutStep.rollout_id) == row.rollout_id
    )
    session.add(
        RolloutStep(
            tenant=row.tenant,
            rollout_id=row.rollout_id,
            number=(await session.exec(numbers)).one(),
            stage=stage,
            share=row.share,
            reason=reason,
            by=by,
            at=row.changed_at,
        )
    )
    await session.flush()


async def _overtaken(session: AsyncSession, row: Rollout, route: RolloutChanged) -> bool:
    """Tell whether a rollout under way has lost its route, as to another base: it is over then."""
    if route.rollout_id == row.rollout_id:
        return False
    row.share = 0
    await move(session, row, REJECTED, route.reason or "the route has changed", POLICY)
    await begin_next(session, row.tenant, row.route)
    return True


async def _expose(session: AsyncSession, row: Rollout, step: int, reason: str, by: str) -> None:
    route = await _route(session, row)
    adapter = await session.get_one(Adapter, (row.tenant, row.route, row.adapter_digest))
    row.step, row.share = step, route.policy.release.steps[step]
    arm = production(route).model_copy(update={"share": WHOLE - row.share})
    await move(session, row, CANARY, reason, by)
    arms = (arm, candidate_arm(row, adapter, arm, row.share), *_previous(route))
    await _serve(session, row, route, arms, CANARY)


async def _serve(
    session: AsyncSession,
    row: Rollout,
    route: RolloutChanged,
    arms: tuple[Arm, ...],
    stage: str,
) -> None:
    """Publish what a route is while a rollout is under way on it."""
    changes = {"arms": arms, "stage": stage, "reason": row.reason}
    decision = Decision(rollout_id=row.rollout_id, decided_at=now())
    wanted = successor(route.model_copy(update=changes), decision)
    await decide(session, row.tenant, wanted, row.reason)


async def _settle(
    session: AsyncSession, tenant: str, route: RolloutChanged, arms: tuple[Arm, ...], reason: str
) -> RolloutChanged:
    """Publish what a route is when no rollout is under way on it."""
    wanted = settled(route, arms, reason, Decision(rollout_id=new_id(), decided_at=now()))
    await decide(session, tenant, wanted, reason)
    return wanted


async def _route(session: AsyncSession, row: Rollout) -> RolloutChanged:
    route = await store.get_route(session, row.tenant, row.route)
    assert route is not None, "a rollout under way has a route"
    return route
