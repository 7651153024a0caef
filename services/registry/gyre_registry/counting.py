"""How many outcomes there are of a rollout's arms: kept, not counted at every look.

Nothing here commits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import select as columns  # SQLModel's has types for four
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_registry.canary import Count
from gyre_registry.tables import Outcome, OutcomeCount
from gyre_service.ids import utc

# Of an answer counts the judge alone; of one that was shown, a person or else the judge; so of all.
JUDGE, LIVE, ALL = "judge", "live", "all"
Key: TypeAlias = tuple[int, str, str]  # period, arm, kind


@dataclass(frozen=True)
class Counts:
    """What is counted of a rollout, by period, arm and kind; what is not there is 0."""

    tenant: str
    rollout_id: UUID
    rows: dict[Key, OutcomeCount]

    def of(self, period: int, arm: str, kind: str) -> Count:
        row = self.rows.get((period, arm, kind))
        return Count(row.answers, row.bad) if row else Count()

    def newest_at(self, period: int, arm: str, kind: str) -> datetime | None:
        """Return when the newest answer was judged for the first time; None: that is not known."""
        row = self.rows.get((period, arm, kind))
        return utc(row.newest_at) if row and row.newest_at else None

    def add(
        self, period: int, arm: str, said: dict[str, bool], number: int = 1
    ) -> list[OutcomeCount]:
        """Count outcomes that say the same, and return the rows that have changed."""
        changed = []
        for kind, bad in said.items():
            row = self.rows.setdefault(
                (period, arm, kind),
                OutcomeCount(
                    tenant=self.tenant,
                    rollout_id=self.rollout_id,
                    period=period,
                    arm=arm,
                    kind=kind,
                ),
            )
            row.answers += number
            row.bad += number * bad
            changed.append(row)
        return changed


def said(judge: bool | None, person: bool | None, shadow: bool) -> dict[str, bool]:
    """Return the kinds in which an outcome counts, and whether it is bad there."""
    word = judge if person is None else person
    kinds = {JUDGE: judge, LIVE: None if shadow else word, ALL: word}
    return {kind: bad for kind, bad in kinds.items() if bad is not None}


async def counts_of(session: AsyncSession, tenant: str, rollout_id: UUID) -> Counts:
    """Return what is counted of a rollout.

    One that is older than the counts is counted here, and kept by who records the next outcome.
    """
    query = select(OutcomeCount).where(
        col(OutcomeCount.tenant) == tenant, col(OutcomeCount.rollout_id) == rollout_id
    )
    rows = {(row.period, row.arm, row.kind): row for row in await session.exec(query)}
    counts = Counts(tenant, rollout_id, rows)
    if not rows:
        period, arm, shadow = col(Outcome.period), col(Outcome.arm), col(Outcome.shadow)
        judge, person = col(Outcome.bad_by_judge), col(Outcome.bad_by_person)
        everything = (
            columns(period, arm, judge, person, shadow, func.count())
            .where(col(Outcome.tenant) == tenant, col(Outcome.rollout_id) == rollout_id)
            .group_by(period, arm, judge, person, shadow)
        )
        for row in await (await session.connection()).execute(everything):
            since, name, *_, number = row
            counts.add(since, name, said(*row[2:5]), number)
    return counts
