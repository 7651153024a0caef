"""Events in, events out."""

from datetime import UTC
from typing import Annotated

from prometheus_client import Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    DatasetFrozen,
    Event,
    ExampleCurated,
    FeedbackGiven,
    Purpose,
    RetrainingRequested,
    VerdictRecorded,
)
from gyre_feedback import keeping, store
from gyre_feedback.curation import can_teach, scored_good
from gyre_feedback.freezing import Freezer, frozen_events
from gyre_feedback.recording import Desk, results
from gyre_feedback.settings import Settings
from gyre_feedback.tables import Feedback, Request
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, transaction
from gyre_service.ids import now, utc
from gyre_service.kafka import Cause, Given, Received, Router, of

SessionsOf = Annotated[Sessions, Given("sessions")]
Config = Annotated[Settings, Given("settings")]
BlobsOf = Annotated[Blobs, Given("blobs")]

FEEDBACK = Counter("gyre_feedback_received", "Feedback, by what happened to it", ["outcome"])

router = Router("feedback")
incoming = router.subscriber(
    FeedbackGiven.topic, AnswerGenerated.topic, RetrainingRequested.topic, AnswerScored.topic
)
recorded = router.publisher(VerdictRecorded.topic)
curated = router.publisher(ExampleCurated.topic)
frozen = router.publisher(DatasetFrozen.topic)


@incoming(filter=of(FeedbackGiven))
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
            day = cause.appended.date().isoformat()  # whoever says when it was has no more of them
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
            if answer.event is not None and answer.given_at is not None:
                given_answer = AnswerGenerated.model_validate(answer.event)
                desk = Desk(session, blobs, cause, now())
                await desk.join(given_answer, utc(answer.given_at), row)
                if row.example is not None:
                    await _freezer(session, blobs, cause, settings).check(given_answer.route)
            outcome = "waiting" if answer.event is None else "joined"
        else:
            outcome = "repeated"
        ours = (row.joined_source, row.joined_id) == (cause.source, cause.id)
        events = results([row]) if ours else []
        events += frozen_events(await store.frozen_by(session, tenant, cause.source, cause.id))
    FEEDBACK.labels(outcome).inc()
    await publish(events)


@incoming(filter=of(AnswerGenerated))
async def take_answer(
    event: AnswerGenerated, cause: Cause, sessions: SessionsOf, settings: Config, blobs: BlobsOf
) -> None:
    if event.purpose is not Purpose.LIVE or event.broken_off:
        return  # nobody saw it, or not the end of it: what is said of it teaches nothing
    async with transaction(sessions) as session:
        answer = await store.lock_answer(session, cause.tenant, event.answer_id)
        if answer.event is None:
            answer.event, answer.stored_at = event.model_dump(mode="json"), now()
            answer.given_at = cause.time
            session.add(answer)
            desk = Desk(session, blobs, cause, now())
            said = await store.feedback_on(session, cause.tenant, event.answer_id)
            waited = [row for row in said if row.joined_id is None]
            for row in waited:
                await desk.join(event, cause.time, row)
            await keeping.keep(session, blobs, answer, settings.replay_per_document)
            if any(row.example is not None for row in waited):
                await _freezer(session, blobs, cause, settings).check(event.route)
        joined = await store.joined_by(session, cause.tenant, cause.source, cause.id)
        events = results(joined)
        completed = await store.frozen_by(session, cause.tenant, cause.source, cause.id)
        events += frozen_events(completed)
    await publish(events)


@incoming(filter=of(RetrainingRequested))
async def take_request(
    event: RetrainingRequested,
    cause: Cause,
    sessions: SessionsOf,
    settings: Config,
    blobs: BlobsOf,
) -> None:
    tenant = cause.tenant
    async with transaction(sessions) as session:
        # Nobody adds an example between our look at them and the row that waits for more.
        await store.lock_dataset(session, tenant, event.route)
        if await store.get_request(session, tenant, event.job_id) is None:
            superseded = await store.supersedes(session, tenant, event)
            row = Request(
                tenant=tenant,
                job_id=event.job_id,
                route=event.route,
                state="superseded" if superseded else "waiting",
                event=event.model_dump(mode="json"),
            )
            session.add(row)
            await session.flush()
            await _freezer(session, blobs, cause, settings).check(event.route)
        completed = await store.frozen_by(session, tenant, cause.source, cause.id)
    await publish([*frozen_events(completed)])


@incoming(filter=of(AnswerScored))
async def take_scores(
    event: AnswerScored, cause: Cause, sessions: SessionsOf, settings: Config, blobs: BlobsOf
) -> None:
    if event.purpose is not Purpose.LIVE or event.refused or not scored_good(event.scores):
        return
    async with transaction(sessions) as session:
        answer = await store.lock_answer(session, cause.tenant, event.answer_id)
        answer.scored_good = True
        session.add(answer)
        await keeping.keep(session, blobs, answer, settings.replay_per_document)


def _freezer(session: AsyncSession, blobs: Blobs, cause: Received, settings: Settings) -> Freezer:
    return Freezer(
        session,
        blobs,
        cause,
        cause.appended,  # not the clock: a replay must decide the same
        settings.replay_per_document,
        settings.replay_examples,
    )


async def publish(events: list[Event]) -> None:
    for event in events:  # in order: the place of each gives it its id
        match event:
            case VerdictRecorded():
                await recorded.publish(event)
            case DatasetFrozen():
                await frozen.publish(event)
            case _:
                await curated.publish(event)
