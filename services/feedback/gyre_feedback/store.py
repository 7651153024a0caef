"""Every query this service runs. Nothing here commits."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import DatasetFrozen, RetrainingRequested
from gyre_feedback.tables import (
    Answer,
    Dataset,
    DatasetVersion,
    Example,
    Feedback,
    Quota,
    Replay,
    Request,
)
from gyre_service.ids import derived_id


async def lock_answer(session: AsyncSession, tenant: str, answer_id: UUID) -> Answer:
    """Return the row of an answer, made if need be; nobody else joins anything to it now.

    Without it an answer and its feedback, handled at the same moment, would miss each other.
    """
    insert = _insert(session, Answer, tenant=tenant, answer_id=answer_id)
    await (await session.connection()).execute(insert.on_conflict_do_nothing())
    query = select(Answer).where(col(Answer.tenant) == tenant, col(Answer.answer_id) == answer_id)
    return (await session.exec(query.with_for_update())).one()


async def find_feedback(
    session: AsyncSession, tenant: str, source: str, event_id: str
) -> Feedback | None:
    """Return the feedback that an event brought."""
    query = select(Feedback).where(
        col(Feedback.tenant) == tenant,
        col(Feedback.source) == source,
        col(Feedback.event_id) == event_id,
    )
    return (await session.exec(query)).one_or_none()


async def get_feedback(session: AsyncSession, tenant: str, feedback_id: UUID) -> Feedback | None:
    return await session.get(Feedback, (tenant, feedback_id))


async def feedback_on(session: AsyncSession, tenant: str, answer_id: UUID) -> list[Feedback]:
    """Return all feedback on an answer in the order in which it was given."""
    query = (
        select(Feedback)
        .where(col(Feedback.tenant) == tenant, col(Feedback.answer_id) == answer_id)
        .order_by(col(Feedback.given_at), col(Feedback.feedback_id))
    )
    return list((await session.exec(query)).all())


async def joined_by(
    session: AsyncSession, tenant: str, source: str, event_id: str
) -> list[Feedback]:
    """Return the feedback that an event joined to its answer, in the order it was given."""
    query = (
        select(Feedback)
        .where(
            col(Feedback.tenant) == tenant,
            col(Feedback.joined_id) == event_id,
            col(Feedback.joined_source) == source,
        )
        .order_by(col(Feedback.given_at), col(Feedback.feedback_id))
    )
    return list((await session.exec(query)).all())


async def count_given(session: AsyncSession, tenant: str, person: str | None, day: str) -> int:
    """Count one more feedback of a person, and return how many of that day there are."""
    insert = _insert(session, Quota, tenant=tenant, person=person or "", day=day, given=1)
    keys = [Quota.tenant, Quota.person, Quota.day]
    upsert = insert.on_conflict_do_update(
        index_elements=keys, set_={"given": col(Quota.given) + 1}
    ).returning(col(Quota.given))
    return int((await (await session.connection()).execute(upsert)).scalar_one())


async def next_version(session: AsyncSession, tenant: str, route: str) -> int:
    """Begin a version of a dataset and return its number; others wait until this one is done."""
    insert = _insert(session, Dataset, tenant=tenant, route=route, version=1)
    upsert = insert.on_conflict_do_update(
        index_elements=[Dataset.tenant, Dataset.route], set_={"version": col(Dataset.version) + 1}
    ).returning(col(Dataset.version))
    return int((await (await session.connection()).execute(upsert)).scalar_one())


async def lock_dataset(session: AsyncSession, tenant: str, route: str) -> None:
    """Keep everybody else from changing a dataset until this transaction ends."""
    insert = _insert(session, Dataset, tenant=tenant, route=route, version=0)
    await (await session.connection()).execute(insert.on_conflict_do_nothing())
    query = select(Dataset).where(col(Dataset.tenant) == tenant, col(Dataset.route) == route)
    (await session.exec(query.with_for_update())).one()


async def get_example(session: AsyncSession, tenant: str, example_id: UUID) -> Example | None:
    return await session.get(Example, (tenant, example_id))


async def examples_of(session: AsyncSession, tenant: str, route: str) -> dict[UUID, str]:
    """Return the digests of a dataset's examples by their ids."""
    query = select(Example.example_id, Example.digest).where(
        col(Example.tenant) == tenant, col(Example.route) == route
    )
    return dict((await session.exec(query)).all())


async def count_since(
    session: AsyncSession, tenant: str, route: str, since: datetime
) -> tuple[int, int]:
    """Return how many examples answers from `since` on have, and from how many conversations."""
    query = select(func.count(), func.count(col(Example.conversation).distinct())).where(
        col(Example.tenant) == tenant,
        col(Example.route) == route,
        # SQLite keeps no offset: what it compares is UTC.
        col(Example.answered_at) >= since.astimezone(UTC),
    )
    return (await session.exec(query)).one()


async def examples_in_full(session: AsyncSession, tenant: str, route: str) -> list[Example]:
    query = select(Example).where(col(Example.tenant) == tenant, col(Example.route) == route)
    return list((await session.exec(query)).all())


async def replay_of(
    session: AsyncSession, tenant: str, route: str, document: str | None = None
) -> list[Replay]:
    """Return the reservoir of a route, or its part about one document."""
    query = select(Replay).where(col(Replay.tenant) == tenant, col(Replay.route) == route)
    if document is not None:
        query = query.where(col(Replay.document) == document)
    return list((await session.exec(query)).all())


async def forget_replay(session: AsyncSession, tenant: str, answer_id: UUID) -> None:
    """Take an answer out of the reservoir: what people say of it decides now."""
    row = await session.get(Replay, (tenant, derived_id(tenant, answer_id)))
    if row is not None:
        await session.delete(row)


async def get_request(session: AsyncSession, tenant: str, job_id: UUID) -> Request | None:
    return await session.get(Request, (tenant, job_id))


async def supersedes(session: AsyncSession, tenant: str, request: RetrainingRequested) -> bool:
    """Say whether a request was decided while an earlier one of its route had no data yet."""
    query = select(Request).where(
        col(Request.tenant) == tenant,
        col(Request.route) == request.route,
        col(Request.state) != "superseded",
    )
    for row in (await session.exec(query)).all():
        earlier = RetrainingRequested.model_validate(row.event)
        frozen = row.frozen and DatasetFrozen.model_validate(row.frozen)
        if request.decided_at <= (frozen.decided_at if frozen else earlier.data_deadline):
            return True
    return False


async def waiting_requests(session: AsyncSession, tenant: str, route: str) -> list[Request]:
    query = select(Request).where(
        col(Request.tenant) == tenant,
        col(Request.route) == route,
        col(Request.state) == "waiting",
    )
    return list((await session.exec(query.order_by(col(Request.job_id)))).all())


async def frozen_by(
    session: AsyncSession, tenant: str, source: str, event_id: str
) -> list[Request]:
    """Return the requests whose data an event completed."""
    query = select(Request).where(
        col(Request.tenant) == tenant,
        col(Request.frozen_id) == event_id,
        col(Request.frozen_source) == source,
    )
    return list((await session.exec(query.order_by(col(Request.job_id)))).all())


async def versions_of(session: AsyncSession, tenant: str, route: str) -> list[DatasetVersion]:
    """Return every version of a dataset, the oldest first."""
    query = (
        select(DatasetVersion)
        .where(col(DatasetVersion.tenant) == tenant, col(DatasetVersion.route) == route)
        .order_by(col(DatasetVersion.version))
    )
    return list((await session.exec(query)).all())


async def count_waiting(session: AsyncSession) -> int:
    """Return how much feedback, of all tenants, waits for its answer."""
    query = select(func.count()).select_from(Feedback).where(col(Feedback.joined_id).is_(None))
    return (await session.exec(query)).one()


async def forget_answers(session: AsyncSession, before: datetime) -> int:
    """Delete the answers that were stored earlier; return how many."""
    statement = delete(Answer).where(col(Answer.stored_at) < before)
    return (await session.exec(statement)).rowcount


def _insert(session: AsyncSession, table: type[SQLModel], **values: Any) -> Any:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert: Insert = dialect.insert(table).values(values)
    return insert
