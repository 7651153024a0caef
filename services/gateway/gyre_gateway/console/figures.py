"""What the overview counts."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from time import monotonic

from sqlalchemy import case
from sqlalchemy import select as columns  # SQLModel's has types for four
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_gateway.store.answers import Answer
from gyre_gateway.store.documents import Document
from gyre_gateway.store.examples import Dataset
from gyre_gateway.store.judgements import Score, Verdict
from gyre_service.database import Sessions, snapshot
from gyre_service.ids import now

WINDOW = timedelta(hours=24)


@dataclass
class Recent:
    """One route's live answers of the last `WINDOW`."""

    answers: int = 0
    refused: int = 0  # not those for which search was away
    no_context: int = 0
    latency_s: float = 0  # of all of them together
    costs: dict[str, float] = field(default_factory=dict)  # by currency
    scores: dict[str, float] = field(default_factory=dict)  # mean by name


@dataclass(frozen=True)
class Figures:
    """Counts of one tenant, of all that the read models hold but for `routes`."""

    documents: Counter[str]  # by status
    chunks: int
    answers: int
    thumbs: Counter[str]  # up, down; of each person and answer the newest
    edits: int
    examples: int
    routes: dict[str, Recent]


class Counting:
    """Counts for every page that is looked at, one tenant's once at a time.

    Args:
        sessions: On the read models.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._counted: dict[str, tuple[float, Figures]] = {}

    async def of(self, tenant: str) -> Figures:
        """Return what was counted since this was called: all who wait together get the same."""
        asked = monotonic()
        async with self._turns[tenant]:
            began, figures = self._counted.get(tenant, (-inf, None))
            if figures is None or began < asked:
                began = monotonic()
                async with snapshot(self._sessions) as session:
                    figures = await count(session, tenant, now() - WINDOW)
                self._counted[tenant] = began, figures
            return figures


async def count(session: AsyncSession, tenant: str, since: datetime) -> Figures:
    """Count; `routes` has what is not older than `since`."""
    statuses = await session.exec(
        select(col(Document.status), func.count())
        .where(col(Document.tenant) == tenant)
        .group_by(col(Document.status))
    )
    chunks = await session.exec(
        select(func.sum(Document.chunks)).where(col(Document.tenant) == tenant)
    )
    answers = await session.exec(
        select(func.count())
        .select_from(Answer)
        .where(col(Answer.tenant) == tenant, col(Answer.purpose) == "live")
    )
    edits = await session.exec(
        select(func.count())
        .select_from(Verdict)
        .where(col(Verdict.tenant) == tenant, col(Verdict.edited_answer).is_not(None))
    )
    examples = await session.exec(
        select(func.sum(Dataset.examples)).where(col(Dataset.tenant) == tenant)
    )
    return Figures(
        documents=Counter(dict(statuses.all())),
        chunks=chunks.one() or 0,
        answers=answers.one(),
        thumbs=await _thumbs(session, tenant),
        edits=edits.one(),
        examples=examples.one() or 0,
        routes=await _recent(session, tenant, since),
    )


async def _thumbs(session: AsyncSession, tenant: str) -> Counter[str]:
    newest_first = col(Verdict.decided_at).desc(), col(Verdict.feedback_id).desc()
    of_one = col(Verdict.answer_id), col(Verdict.by)
    rank = func.row_number().over(partition_by=of_one, order_by=newest_first).label("rank")
    thumbs = (
        select(col(Verdict.thumb).label("thumb"), rank)
        .where(col(Verdict.tenant) == tenant, col(Verdict.thumb).is_not(None))
        .subquery()
    )
    found = await session.exec(
        select(thumbs.c.thumb, func.count()).where(thumbs.c.rank == 1).group_by(thumbs.c.thumb)
    )
    return Counter({str(thumb): number for thumb, number in found.all()})


async def _recent(session: AsyncSession, tenant: str, since: datetime) -> dict[str, Recent]:
    # Shadows are scored as well, and nobody was shown them.
    live = (
        col(Answer.tenant) == tenant,
        col(Answer.purpose) == "live",
        col(Answer.time) >= since,
    )
    event = col(Answer.event)
    # A query of its own: PostgreSQL takes a member that is named twice for two to group by.
    each = (
        columns(
            col(Answer.route).label("route"),
            event["currency"].as_string().label("currency"),
            event["refused"].as_boolean().label("refused"),
            func.coalesce(event["no_context"].as_boolean(), False).label("no_context"),
            event["latency_s"].as_float().label("latency_s"),
            event["cost"].as_float().label("cost"),
        )
        .where(*live)
        .subquery()
        .c
    )
    found: defaultdict[str, Recent] = defaultdict(Recent)
    sums = await (await session.connection()).execute(
        columns(
            each.route,
            each.currency,
            func.count(),
            func.sum(case((each.refused & ~each.no_context, 1), else_=0)),
            func.sum(case((each.no_context, 1), else_=0)),
            func.sum(each.latency_s),
            func.sum(each.cost),
        )
        .group_by(each.route, each.currency)
        .order_by(each.route)
    )
    for route, currency, answers, refused, without, latency_s, cost in sums.all():
        one = found[route]
        one.answers += answers
        one.refused += refused
        one.no_context += without
        one.latency_s += latency_s or 0
        if currency:
            one.costs[currency] = cost or 0
    means = await session.exec(
        select(col(Answer.route), col(Score.name), func.avg(Score.value))
        .join(
            Score,
            (col(Score.tenant) == col(Answer.tenant))
            & (col(Score.answer_id) == col(Answer.answer_id)),
        )
        .where(*live)
        .group_by(col(Answer.route), col(Score.name))
        .order_by(col(Score.name))
    )
    for route, name, mean in means.all():
        found[route].scores[name] = float(mean)
    return dict(found)
