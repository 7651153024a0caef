"""Every query this service runs. Nothing here commits."""

import pickle
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlmodel import col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_drift.tables import Collected, Decision, Early, Recent, State, Stream
from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.watching.causes import REACTIVATE
from gyre_drift.watching.deciding import Asked
from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.watch import Judgement, Watch
from gyre_events import (
    TOPICS,
    AnswerScored,
    Event,
    RemedyRequested,
    RetrainingRequested,
    VerdictRecorded,
)
from gyre_service.ids import utc
from gyre_service.kafka import Received

KEPT = 200  # recent questions of a route
MEASURED = timedelta(hours=1)  # a re-activation has begun by then, or never will
FORMAT = 8  # of what is pickled: another one begins anew from the reference


async def lock_stream(session: AsyncSession, tenant: str, route: str) -> Stream:
    query = select(Stream).where(col(Stream.tenant) == tenant, col(Stream.route) == route)
    row = (await session.exec(query.with_for_update())).first()
    return row or Stream(tenant=tenant, route=route)


async def streams_of(session: AsyncSession, tenant: str, route: str) -> Sequence[Stream]:
    query = select(Stream).where(col(Stream.tenant) == tenant).order_by(col(Stream.route))
    if route:
        query = query.where(col(Stream.route) == route)
    return (await session.exec(query)).all()


async def get_watch(session: AsyncSession, row: Stream) -> Watch | None:
    """Return what a route's watcher remembers; None while warming, or if another release wrote."""
    kept = await session.get(State, (row.tenant, row.route))
    if kept is None or kept.format != FORMAT:
        return None
    watch = pickle.loads(kept.content)
    assert isinstance(watch, Watch)
    return watch


async def save(session: AsyncSession, row: Stream, watch: Watch | None) -> None:
    session.add(row)
    kept = await session.get(State, (row.tenant, row.route))
    if watch is None:
        if kept is not None:
            await session.delete(kept)
        return
    kept = kept or State(tenant=row.tenant, route=row.route, format=FORMAT, content=b"")
    kept.format, kept.content = FORMAT, pickle.dumps(watch)
    session.add(kept)


async def collect(
    session: AsyncSession, row: Stream, text: str, vector: Vectors, *, live: bool
) -> None:
    session.add(
        Collected(
            tenant=row.tenant,
            route=row.route,
            number=~row.collected if live else row.collected,
            text=text,
            vector=vector.tobytes(),
        )
    )
    row.collected += 1


async def take_collected(session: AsyncSession, row: Stream) -> tuple[list[str], Vectors, bool]:
    """Return what was collected for a reference, oldest first, and whether all of it was live.

    It is forgotten.
    """
    mine = (col(Collected.tenant) == row.tenant, col(Collected.route) == row.route)
    found = (await session.exec(select(Collected).where(*mine))).all()
    rows = sorted(found, key=lambda one: max(one.number, ~one.number))
    await session.exec(delete(Collected).where(*mine))
    vectors = np.stack([np.frombuffer(one.vector, "<f4") for one in rows])
    return [one.text for one in rows], vectors, all(one.number < 0 for one in rows)


async def forget_collected(session: AsyncSession, row: Stream) -> None:
    mine = (col(Collected.tenant) == row.tenant, col(Collected.route) == row.route)
    await session.exec(delete(Collected).where(*mine))
    row.collected = 0


def keep_early(
    session: AsyncSession, cause: Received, route: str, event: Judgement, time: datetime
) -> None:
    session.add(
        Early(
            tenant=cause.tenant,
            source=cause.source,
            id=cause.id,
            route=route,
            topic=cause.topic,
            partition=cause.partition,
            offset=cause.offset,
            event=event.model_dump(mode="json"),
            at=time,
        )
    )


async def take_early(
    session: AsyncSession, row: Stream
) -> list[tuple[tuple[str, int, int], Judgement, datetime]]:
    """Return what was said too early, with its place and time, in the log's order; forget it."""
    mine = (col(Early.tenant) == row.tenant, col(Early.route) == row.route)
    place = (col(Early.topic), col(Early.partition), col(Early.offset), col(Early.id))
    rows = (await session.exec(select(Early).where(*mine).order_by(*place))).all()
    await session.exec(delete(Early).where(*mine))
    found = []
    for one in rows:
        kind = AnswerScored if one.topic == AnswerScored.topic else VerdictRecorded
        at = (one.topic, one.partition, one.offset)
        found.append((at, kind.model_validate(one.event), utc(one.at)))
    return found


async def keep_reference(
    session: AsyncSession, row: Stream, reference: Reference, time: datetime
) -> None:
    session.add(
        ReferenceRow(
            tenant=row.tenant,
            route=row.route,
            reference_id=reference.reference_id,
            encoder=row.encoder,
            content=reference.to_bytes(),
            made_at=time,
        )
    )


async def remember(
    session: AsyncSession, row: Stream, text: str, vector: Vectors, time: datetime
) -> None:
    """Keep a live question among the newest."""
    place = row.events % KEPT
    kept = await session.get(Recent, (row.tenant, row.route, place))
    kept = kept or Recent(
        tenant=row.tenant, route=row.route, place=place, event=0, text="", vector=b"", at=time
    )
    kept.event, kept.text, kept.vector, kept.at = row.events, text, vector.tobytes(), time
    session.add(kept)


async def newest(
    session: AsyncSession, row: Stream, since: datetime, limit: int
) -> tuple[list[str], Vectors]:
    """Return the newest live questions that came at or after `since`, newest first."""
    await session.flush()
    query = (
        select(Recent)
        .where(
            col(Recent.tenant) == row.tenant,
            col(Recent.route) == row.route,
            col(Recent.at) >= since,
        )
        .order_by(col(Recent.event).desc())
        .limit(limit)
    )
    rows = (await session.exec(query)).all()
    vectors = [np.frombuffer(one.vector, "<f4") for one in rows]
    return [one.text for one in rows], np.stack(vectors) if vectors else np.empty((0, 0), "<f4")


def decide(session: AsyncSession, cause: Received, route: str, events: list[Event]) -> None:
    """Keep what a handled event caused."""
    for ordinal, event in enumerate(events):
        session.add(
            Decision(
                tenant=cause.tenant,
                source=cause.source,
                id=cause.id,
                ordinal=ordinal,
                topic=event.topic,
                route=route,
                event=event.model_dump(mode="json"),
                at=cause.appended,
            )
        )


async def decided(session: AsyncSession, cause: Received) -> list[Event]:
    """Return what an event caused when it was handled first."""
    query = (
        select(Decision)
        .where(
            col(Decision.tenant) == cause.tenant,
            col(Decision.source) == cause.source,
            col(Decision.id) == cause.id,
        )
        .order_by(col(Decision.ordinal))
    )
    return [TOPICS[row.topic].model_validate(row.event) for row in await session.exec(query)]


async def requests(session: AsyncSession, tenant: str, route: str, since: datetime) -> list[Asked]:
    """Return the trainings and re-activations that were asked for since, and the last before.

    The oldest is the first.
    """
    done = func.coalesce(_said("state"), "decided")  # rows of before there were states
    asks = (col(Decision.topic) == RetrainingRequested.topic) | (
        _is_of(REACTIVATE) & done.in_(("decided", "approved"))
    )
    mine = select(Decision).where(*_of(tenant, route), asks)
    at = col(Decision.at)
    before = await session.exec(mine.where(at < since).order_by(at.desc()).limit(1))
    after = await session.exec(mine.where(at >= since).order_by(at))
    return [_asked(row) for row in (*before, *after)]


async def is_ours(session: AsyncSession, tenant: str, route: str, job: UUID) -> bool:
    """Tell whether a training was asked for here."""
    query = select(Decision.id).where(
        *_of(tenant, route),
        col(Decision.topic) == RetrainingRequested.topic,
        _said("job_id") == str(job),
    )
    return (await session.exec(query.limit(1))).first() is not None


async def remedies(
    session: AsyncSession, tenant: str, route: str, remedy: str = ""
) -> list[RemedyRequested]:
    """Return what was said of a remedy, or of all, oldest first."""
    about = _is_of(remedy) if remedy else col(Decision.topic) == RemedyRequested.topic
    query = select(Decision).where(*_of(tenant, route), about).order_by(col(Decision.at))
    return [RemedyRequested.model_validate(row.event) for row in await session.exec(query)]


def _of(tenant: str, route: str) -> tuple[Any, ...]:
    return col(Decision.tenant) == tenant, col(Decision.route) == route


def _is_of(remedy: str) -> Any:
    return (col(Decision.topic) == RemedyRequested.topic) & (_said("remedy") == remedy)


def _said(field: str) -> Any:
    return col(Decision.event)[field].as_string()


def _asked(row: Decision) -> Asked:
    at = utc(row.at)
    if row.topic == RemedyRequested.topic:
        return Asked(None, at, at + MEASURED)
    event = RetrainingRequested.model_validate(row.event)
    lasts = timedelta(seconds=event.training.data_deadline_s + event.training.max_seconds)
    return Asked(event.job_id, at, at + lasts)
