"""Events in, alarms and requests out."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from gyre_drift import store
from gyre_drift.desk import Desk, Desks
from gyre_drift.vectors import vector_of
from gyre_events import (
    AnswerScored,
    DriftDetected,
    EmbeddingObserved,
    Event,
    Purpose,
    RemedyRequested,
    RemedyReviewed,
    RetrainingRequested,
    VerdictRecorded,
)
from gyre_service.database import Sessions, transaction
from gyre_service.kafka import Cause, Given, Received, Router, of
from gyre_service.seen import first_time

SessionsOf = Annotated[Sessions, Given("sessions")]
DesksOf = Annotated[Desks, Given("desks")]

router = Router("drift")
events = router.subscriber(
    EmbeddingObserved.topic,
    AnswerScored.topic,
    VerdictRecorded.topic,
    RemedyReviewed.topic,
    in_order=True,  # what is decided depends on all of them
)
detected = router.publisher(DriftDetected.topic)
requested = router.publisher(RetrainingRequested.topic)
remedied = router.publisher(RemedyRequested.topic)


@events(filter=of(EmbeddingObserved))
async def observed(
    event: EmbeddingObserved,
    cause: Cause,
    sessions: SessionsOf,
    desks: DesksOf,
) -> None:
    vector = vector_of(event)
    if event.purpose not in (Purpose.LIVE, Purpose.BASELINE):
        return
    await _handle(
        event.route,
        cause,
        cause.time,
        sessions,
        desks,
        lambda desk: desk.question(event, vector),
    )


@events(filter=of(AnswerScored))
async def scored(
    event: AnswerScored,
    cause: Cause,
    sessions: SessionsOf,
    desks: DesksOf,
) -> None:
    if event.purpose is Purpose.LIVE:
        await _handle(
            event.route,
            cause,
            cause.time,
            sessions,
            desks,
            lambda desk: desk.judged(event),
        )


@events(filter=of(VerdictRecorded))
async def judged(
    event: VerdictRecorded,
    cause: Cause,
    sessions: SessionsOf,
    desks: DesksOf,
) -> None:
    if event.purpose is Purpose.LIVE:
        await _handle(
            event.route,
            cause,
            event.decided_at,  # its cause is feedback, whose clock may be anybody's
            sessions,
            desks,
            lambda desk: desk.judged(event),
        )


@events(filter=of(RemedyReviewed))
async def reviewed(
    event: RemedyReviewed,
    cause: Cause,
    sessions: SessionsOf,
    desks: DesksOf,
) -> None:
    await _handle(
        event.route,
        cause,
        cause.time,
        sessions,
        desks,
        lambda desk: desk.reviewed(event),
    )


async def _handle(
    route: str,
    cause: Received,
    time: datetime,
    sessions: Sessions,
    desks: Desks,
    take: Callable[[Desk], Awaitable[list[Event]]],
) -> None:
    async with transaction(sessions) as session:
        if await first_time(session, cause):
            caused = await take(await desks.open(session, cause, time, route))
        else:  # its publication may have been lost
            caused = await store.decided(session, cause)
    # Not before: they are replaced where no broker is.
    publishers = {
        DriftDetected: detected,
        RemedyRequested: remedied,
        RetrainingRequested: requested,
    }
    for event in caused:  # in order: the place of each gives it its id
        await publishers[type(event)].publish(event)
