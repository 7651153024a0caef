"""What is known of the arms of a rollout: every query about outcomes. Nothing here commits."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_registry.canary import Count
from gyre_registry.tables import Outcome

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
    """Count an answer once; what a person said stands against the judge, and the newest counts."""
    row = await session.get(Outcome, (tenant, rollout_id, arm, answer_id))
    if row is None:
        row = Outcome(
            tenant=tenant,
            rollout_id=rollout_id,
            arm=arm,
            answer_id=answer_id,
            bad=bad,
            judged_by=judged_by,
            shadow=shadow,
            at=at,
        )
    elif judged_by == PERSON or row.judged_by == JUDGE:
        row.bad, row.judged_by = bad, judged_by
    session.add(row)
    await session.flush()


async def count(
    session: AsyncSession, tenant: str, rollout_id: UUID, arm: str, since: datetime | None = None
) -> Count:
    """Return the outcomes of an arm, of all its answers or of those since a moment."""
    conditions = [
        col(Outcome.tenant) == tenant,
        col(Outcome.rollout_id) == rollout_id,
        col(Outcome.arm) == arm,
    ]
    if since is not None:
        conditions.append(col(Outcome.at) >= since)
    query = (
        select(col(Outcome.bad), col(Outcome.shadow), func.count())
        .where(*conditions)
        .group_by(col(Outcome.bad), col(Outcome.shadow))
    )
    rows = (await session.exec(query)).all()
    return Count(
        answers=sum(number for _, _, number in rows),
        bad=sum(number for bad, _, number in rows if bad),
        shown_bad=sum(number for bad, shadow, number in rows if bad and not shadow),
    )
