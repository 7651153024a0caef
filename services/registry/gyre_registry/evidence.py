"""What is known of the arms of a rollout: every query about outcomes. Nothing here commits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import RolloutChanged
from gyre_registry import store
from gyre_registry.canary import Compared, Evidence
from gyre_registry.counting import ALL, JUDGE, LIVE, counts_of, said
from gyre_registry.desired import PRODUCTION
from gyre_registry.tables import CANARY, CANDIDATE, Outcome

PERSON = "person"  # or `JUDGE`


async def period_of(session: AsyncSession, tenant: str, route: RolloutChanged) -> RolloutChanged:
    """Return the revision since which what a canary compares has been asked alike.

    Shares, prompts, collection and whatever else shapes answers are the same since then: what
    either arm did before it says nothing of the other one.
    """
    first = route
    while before := await store.get_revision(session, tenant, route.route, first.revision - 1):
        if _asked(before) != _asked(route):
            break
        first = before
    return first


def _asked(route: RolloutChanged) -> tuple[Any, ...]:
    policy = route.policy.model_dump(exclude={"drift", "training", "release"})
    policy["shadow"] = route.policy.release.shadow
    arms = [arm for arm in route.arms if arm.name in (PRODUCTION, CANDIDATE)]
    return route.rollout_id, route.stage, route.collection, arms, policy


async def period_of_answer(
    session: AsyncSession, tenant: str, route: str, rollout_id: UUID, revision: int
) -> int | None:
    """Return the period that an answer was given in; None: nobody was shown a canary then."""
    asked = await store.get_revision(session, tenant, route, revision)
    if asked is None or asked.rollout_id != rollout_id or asked.stage != CANARY:
        return None
    return (await period_of(session, tenant, asked)).revision


async def record(
    session: AsyncSession,
    tenant: str,
    rollout_id: UUID,
    arm: str,
    answer_id: UUID,
    *,
    period: int,
    bad: bool,
    judged_by: str,
    shadow: bool,
    at: datetime,
) -> None:
    """Note what the judge, or a person, found of an answer; the newest of each counts.

    The caller has locked the route: nobody else counts meanwhile. `at` is when it was said.
    """
    counts = await counts_of(session, tenant, rollout_id)
    row = await session.get(Outcome, (tenant, rollout_id, arm, answer_id))
    row = row or Outcome(
        tenant=tenant,
        rollout_id=rollout_id,
        arm=arm,
        answer_id=answer_id,
        period=period,
        shadow=shadow,
    )
    before = said(row.bad_by_judge, row.bad_by_person, row.shadow)
    if judged_by == PERSON:
        row.bad_by_person = bad
    else:
        row.bad_by_judge = bad
    after = said(row.bad_by_judge, row.bad_by_person, row.shadow)
    counts.add(row.period, arm, before, -1)
    for count in counts.add(row.period, arm, after):
        if count.kind not in before:
            count.newest_at = at
    session.add_all((row, *counts.rows.values()))
    await session.flush()


async def of_rollout(session: AsyncSession, tenant: str, rollout_id: UUID) -> dict[int, Evidence]:
    """Return all that is known of a rollout's arms, by period, the oldest first.

    By the judge count live answers of both arms and the candidate's shadows; of live answers
    counts what a person said, or else the judge.
    """
    counts = await counts_of(session, tenant, rollout_id)

    def compared(period: int, kind: str) -> Compared:
        return Compared(counts.of(period, CANDIDATE, kind), counts.of(period, PRODUCTION, kind))

    periods = sorted({period for period, _, _ in counts.rows})
    return {one: Evidence(compared(one, JUDGE), compared(one, LIVE)) for one in periods}


async def heard_of_candidate(
    session: AsyncSession, tenant: str, rollout_id: UUID, period: int, *, live: bool
) -> tuple[int, datetime | None]:
    """Return how many answers of the candidate have been judged in a period, shadows too.

    Then when the newest of them was, or of those that are `live`; None: none was, or it is not
    known when.
    """
    counts = await counts_of(session, tenant, rollout_id)
    newest_at = counts.newest_at(period, CANDIDATE, LIVE if live else ALL)
    return counts.of(period, CANDIDATE, ALL).answers, newest_at
