"""Events in, events out."""

from datetime import UTC
from typing import Annotated

from faststream import Context
from prometheus_client import Counter

from gyre_events import (
    AnswerGenerated,
    Event,
    ExampleCurated,
    FeedbackGiven,
    Purpose,
    VerdictRecorded,
)
from gyre_feedback import store
from gyre_feedback.blobs import Blobs
from gyre_feedback.curation import can_teach
from gyre_feedback.recording import Desk, results
from gyre_feedback.settings import Settings
from gyre_feedback.tables import Feedback
from gyre_service.database import Sessions, transaction
from gyre_service.ids import now
from gyre_service.kafka import Cause, Router

SessionsOf = Annotated[Sessions, Context("sessions")]
Config = Annotated[Settings, Context("settings")]
BlobsOf = Annotated[Blobs, Context("blobs")]

FEEDBACK = Counter("gyre_feedback_received", "Feedback, by what happened to it", ["outcome"])

router = Router("feedback")
recorded = router.publisher(VerdictRecorded.topic)
curated = router.publisher(ExampleCurated.topic)


@router.subscriber(FeedbackGiven.topic)
async def take_feedback(
    event: FeedbackGiven, cause: Cause, sessions: SessionsOf, settings: Config, blobs: BlobsOf
) -> None:
    tenant = cause.tenant
    async with transaction(sessions) as session:
        row = await store.find_feedback(session, tenant, cause.source, cause.id)
        if row is None:
            if await store.get_feedback(session, tenant, event.feedback_id) is not None:
                # Said again under another event id: whoever said it first publishes.
                FEEDBACK.labels("repeated").inc()
                return
            answer = await store.lock_answer(session, tenant, event.answer_id)
            given_at = cause.time.astimezone(UTC)
            day = given_at.date().isoformat()
            teaches = can_teach(event)
            given = await store.count_given(session, tenant, event.person, day) if teaches else 0
            row = Feedback(
                tenant=tenant,
                feedback_id=event.feedback_id,
                source=cause.source,
                event_id=cause.id,
                answer_id=event.answer_id,
                event=event.model_dump(mode="json"),
                given_at=given_at,
                counts=teaches and given <= settings.curated_per_person_per_day,
            )
            session.add(row)
            if answer.event is not None:
                desk = Desk(session, blobs, cause, now())
                await desk.join(AnswerGenerated.model_validate(answer.event), row)
            outcome = "waiting" if answer.event is None else "joined"
        else:
            outcome = "repeated"
        ours = (row.joined_source, row.joined_id) == (cause.source, cause.id)
        events = results([row]) if ours else []
    FEEDBACK.labels(outcome).inc()
    await publish(events)


@router.subscriber(AnswerGenerated.topic)
async def take_answer(
    event: AnswerGenerated, cause: Cause, sessions: SessionsOf, blobs: BlobsOf
) -> None:
    if event.purpose is not Purpose.LIVE:
        return  # nobody saw it: what is said of it teaches nothing
    async with transaction(sessions) as session:
        answer = await store.lock_answer(session, cause.tenant, event.answer_id)
        if answer.event is None:
            answer.event, answer.stored_at = event.model_dump(mode="json"), now()
            session.add(answer)
            desk = Desk(session, blobs, cause, now())
            for row in await store.feedback_on(session, cause.tenant, event.answer_id):
                if row.joined_id is None:
                    await desk.join(event, row)
        joined = await store.joined_by(session, cause.tenant, cause.source, cause.id)
        events = results(joined)
    await publish(events)


async def publish(events: list[Event]) -> None:
    for event in events:  # in order: the place of each gives it its id
        await (recorded if isinstance(event, VerdictRecorded) else curated).publish(event)
