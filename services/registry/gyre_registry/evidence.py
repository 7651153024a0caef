"""What is known of the arms of a rollout: every query about outcomes. Nothing here commits."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression
from sqlmodel import and_, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import RolloutChanged
from gyre_registry import store
from gyre_registry.canary import Compared, Count, Evidence
from gyre_registry.desired import PRODUCTION
from gyre_registry.tables import CANARY, CANDIDATE, Outcome

PERSON, JUDGE = "person", "judge"


async def period_of(session: AsyncSession, tenant: str, route: RolloutChanged) -> int:
    """Return the revision since which what a canary compares has been asked alike.

    Shares, prompts, collection and whatever else shapes answers are the same since then: what
    either arm did before it says nothing of the other one.
    """
    first = route
    while before := await store.get_revision(session, tenant, route.route, first.revision - 1):
        if _asked(before) != _asked(route):
            break
        first = before
    return first.revision


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
    return await period_of(session, tenant, asked)


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
) -> None:
    """Note what the judge, or a person, found of an answer; the newest of each counts."""
    row = await session.get(Outcome, (tenant, rollout_id, arm, answer_id))
    row = row or Outcome(
        tenant=tenant,
        rollout_id=rollout_id,
        arm=arm,
        answer_id=answer_id,
        period=period,
        shadow=shadow,
    )
    if judged_by == PERSON:
        row.bad_by_person = bad
    else:
        row.bad_by_judge = bad
    session.add(row)
    await session.flush()


async def of_rollout(session: AsyncSession, tenant: str, rollout_id: UUID) -> dict[int, Evidence]:
    """Return all that is known of a rollout's arms, by period, the oldest first.

    By the judge count live answers of both arms and the candidate's shadows; of live answers
    counts what a person said, or else the judge.
    """
    judge, person = col(Outcome.bad_by_judge), col(Outcome.bad_by_person)
    mine = and_(col(Outcome.tenant) == tenant, col(Outcome.rollout_id) == rollout_id)
    judged = await _compared(session, judge, mine)
    shown = and_(mine, col(Outcome.shadow).is_(False))
    live = await _compared(session, func.coalesce(person, judge), shown)
    return {
        period: Evidence(judged.get(period, Compared()), live.get(period, Compared()))
        for period in sorted(judged.keys() | live.keys())
    }


async def candidate_answers(
    session: AsyncSession, tenant: str, rollout_id: UUID, period: int
) -> int:
    """Return how many answers of the candidate in a period have been judged."""
    query = select(func.count()).where(
        col(Outcome.tenant) == tenant,
        col(Outcome.rollout_id) == rollout_id,
        col(Outcome.arm) == CANDIDATE,
        col(Outcome.period) == period,
    )
    return (await session.exec(query)).one()


async def _compared(
    session: AsyncSession, bad: SQLColumnExpression[bool | None], which: ColumnElement[bool]
) -> dict[int, Compared]:
    """Return what is compared in each period that has any of it."""
    period, arm = col(Outcome.period), col(Outcome.arm)
    query = (
        select(period, arm, bad, func.count())
        .where(which, bad.is_not(None))
        .group_by(period, arm, bad)
    )
    number: dict[tuple[int, str, bool], int] = defaultdict(int)
    for since, name, found, count in await session.exec(query):
        number[since, name, bool(found)] = count

    def count_of(period: int, arm: str) -> Count:
        wrong = number[period, arm, True]
        return Count(answers=wrong + number[period, arm, False], bad=wrong)

    return {
        period: Compared(count_of(period, CANDIDATE), count_of(period, PRODUCTION))
        for period in {period for period, _, _ in number}
    }
