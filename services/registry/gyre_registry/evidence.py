"""What is known of the arms of a rollout: every query about outcomes. Nothing here commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression
from sqlmodel import and_, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_registry.canary import Compared, Count, Evidence
from gyre_registry.desired import PRODUCTION
from gyre_registry.tables import CANDIDATE, Outcome

PERSON, JUDGE = "person", "judge"


async def record(
    session: AsyncSession,
    tenant: str,
    rollout_id: UUID,
    arm: str,
    answer_id: UUID,
    *,
    bad: bool,
    judged_by: str,
    shadow: bool,
    at: datetime,
) -> None:
    """Note what the judge, or a person, found of an answer; the newest of each counts."""
    row = await session.get(Outcome, (tenant, rollout_id, arm, answer_id))
    row = row or Outcome(
        tenant=tenant,
        rollout_id=rollout_id,
        arm=arm,
        answer_id=answer_id,
        shadow=shadow,
        at=at,
    )
    if judged_by == PERSON:
        row.bad_by_person = bad
    else:
        row.bad_by_judge = bad
    session.add(row)
    await session.flush()


async def of_rollout(session: AsyncSession, tenant: str, rollout_id: UUID) -> Evidence:
    """Return all that is known of a rollout's arms.

    By the judge count live answers of both arms and the candidate's shadows; of live answers
    counts what a person said, or else the judge.
    """
    judge, person = col(Outcome.bad_by_judge), col(Outcome.bad_by_person)
    mine = and_(col(Outcome.tenant) == tenant, col(Outcome.rollout_id) == rollout_id)
    return Evidence(
        judge=await _compared(session, judge, mine),
        live=await _compared(
            session, func.coalesce(person, judge), and_(mine, col(Outcome.shadow).is_(False))
        ),
    )


async def candidate_answers(
    session: AsyncSession, tenant: str, rollout_id: UUID, since: datetime
) -> int:
    """Return how many answers of the candidate have first been judged since a moment."""
    query = select(func.count()).where(
        col(Outcome.tenant) == tenant,
        col(Outcome.rollout_id) == rollout_id,
        col(Outcome.arm) == CANDIDATE,
        col(Outcome.at) >= since,
    )
    return (await session.exec(query)).one()


async def _compared(
    session: AsyncSession, bad: SQLColumnExpression[bool | None], which: ColumnElement[bool]
) -> Compared:
    arm = col(Outcome.arm)
    query = select(arm, bad, func.count()).where(which, bad.is_not(None)).group_by(arm, bad)
    number = {(name, bool(found)): count for name, found, count in await session.exec(query)}

    def count(arm: str) -> Count:
        wrong = number.get((arm, True), 0)
        return Count(answers=wrong + number.get((arm, False), 0), bad=wrong)

    return Compared(candidate=count(CANDIDATE), production=count(PRODUCTION))
