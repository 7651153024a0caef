"""What the overview counts."""

from collections import Counter
from dataclasses import dataclass

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_gateway.store.answers import Answer
from gyre_gateway.store.documents import Document
from gyre_gateway.store.examples import Dataset
from gyre_gateway.store.judgements import Score, Verdict


@dataclass(frozen=True)
class Figures:
    """Counts of one tenant, of all that the read models hold."""

    documents: Counter[str]  # by status
    chunks: int
    answers: int
    refused: int
    thumbs: Counter[str]  # up, down
    edits: int
    examples: int
    scores: dict[str, float]  # mean by name, of live answers


async def count(session: AsyncSession, tenant: str) -> Figures:
    statuses = await session.exec(
        select(col(Document.status), func.count())
        .where(col(Document.tenant) == tenant)
        .group_by(col(Document.status))
    )
    chunks = await session.exec(
        select(func.sum(Document.chunks)).where(col(Document.tenant) == tenant)
    )
    live = (col(Answer.tenant) == tenant, col(Answer.purpose) == "live")
    answers = await session.exec(select(func.count()).select_from(Answer).where(*live))
    refused = await session.exec(
        select(func.count())
        .select_from(Answer)
        .where(*live, col(Answer.event)["refused"].as_boolean())
    )
    thumbs = await session.exec(
        select(col(Verdict.thumb), func.count())
        .where(col(Verdict.tenant) == tenant, col(Verdict.thumb).is_not(None))
        .group_by(col(Verdict.thumb))
    )
    edits = await session.exec(
        select(func.count())
        .select_from(Verdict)
        .where(col(Verdict.tenant) == tenant, col(Verdict.edited_answer).is_not(None))
    )
    examples = await session.exec(
        select(func.sum(Dataset.examples)).where(col(Dataset.tenant) == tenant)
    )
    # Shadows are scored as well, and nobody was shown them.
    scores = await session.exec(
        select(col(Score.name), func.avg(Score.value))
        .join(Answer, col(Answer.answer_id) == col(Score.answer_id))
        .where(*live, col(Score.tenant) == tenant)
        .group_by(col(Score.name))
        .order_by(col(Score.name))
    )
    return Figures(
        documents=Counter(dict(statuses.all())),
        chunks=chunks.one() or 0,
        answers=answers.one(),
        refused=refused.one(),
        thumbs=Counter({str(thumb): number for thumb, number in thumbs.all()}),
        edits=edits.one(),
        examples=examples.one() or 0,
        scores={name: float(mean) for name, mean in scores.all()},
    )
