"""Events in: each brings one read model up to date, and live clients are told."""

from typing import Annotated, TypeAlias

from gyre_events import (
    AdapterTrained,
    AnswerGenerated,
    AnswerScored,
    DatasetFrozen,
    DocumentIndexed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSubmitted,
    DriftDetected,
    Event,
    ExampleCurated,
    RemedyRequested,
    RetrainingRequested,
    TrainingFailed,
    TrainingProgressed,
    VerdictRecorded,
)
from gyre_gateway.store import (
    alarms,
    answers,
    changes,
    documents,
    examples,
    jobs,
    judgements,
    remedies,
)
from gyre_gateway.views import answer_shown
from gyre_service.database import Sessions, transaction
from gyre_service.kafka import Cause, Given, Received, Router, of

Database: TypeAlias = Annotated[Sessions, Given("sessions")]

router = Router("gateway")

TOPICS: tuple[type[Event], ...] = (
    DocumentSubmitted,
    DocumentIndexed,
    DocumentRejected,
    DocumentRemoved,
    AnswerGenerated,
    AnswerScored,
    VerdictRecorded,
    ExampleCurated,
    DriftDetected,
    RemedyRequested,
    RetrainingRequested,
    DatasetFrozen,
    TrainingProgressed,
    AdapterTrained,
    TrainingFailed,
)
# One consumer for all of them: every further one joins the group by itself, and each join stops
# and reassigns the others (eight of them took most of a minute to start).
events = router.subscriber(*(event.topic for event in TOPICS))


@events(filter=of(DocumentSubmitted))
async def submitted(event: DocumentSubmitted, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


@events(filter=of(DocumentIndexed))
async def indexed(event: DocumentIndexed, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


@events(filter=of(DocumentRejected))
async def rejected(event: DocumentRejected, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


@events(filter=of(DocumentRemoved))
async def removed(event: DocumentRemoved, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


async def _document(event: documents.Known, cause: Received, sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        row = await documents.apply(session, cause.tenant, event, cause.time)
        if row is not None:
            changes.note(session, cause.tenant, "document", row.shown())


@events(filter=of(AnswerGenerated))
async def generated(event: AnswerGenerated, cause: Cause, sessions: Database) -> None:
    if event.broken_off:
        return  # no answer to show; the same id may come again, whole
    async with transaction(sessions) as session:
        row = await answers.add(session, cause.tenant, event, cause.time)
        if row is not None:
            changes.note(session, cause.tenant, "answer", answer_shown(row))


@events(filter=of(AnswerScored))
async def scored(event: AnswerScored, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        rows = await judgements.add_scores(session, cause.tenant, event, cause.time)
        if rows:
            shown = [row.shown() for row in rows]
            data = {"answer_id": str(event.answer_id), "route": event.route, "scores": shown}
            changes.note(session, cause.tenant, "score", data)


@events(filter=of(VerdictRecorded))
async def judged(event: VerdictRecorded, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await judgements.add_verdict(session, cause.tenant, event)
        if row is not None:
            about = {"answer_id": str(event.answer_id), "route": event.route}
            changes.note(session, cause.tenant, "verdict", about | row.shown())


@events(filter=of(ExampleCurated))
async def curated(event: ExampleCurated, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await examples.apply(session, cause.tenant, event, cause.time)
        if row is not None:
            version = {"dataset": event.dataset, "examples": event.examples}
            changes.note(session, cause.tenant, "example", row.shown() | version)


@events(filter=of(DriftDetected))
async def alarmed(event: DriftDetected, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await alarms.add(session, cause.tenant, event)
        if row is not None:
            changes.note(session, cause.tenant, "drift", row.event)


@events(filter=of(RemedyRequested))
async def remedied(event: RemedyRequested, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await remedies.apply(session, cause.tenant, event)
        if row is not None:
            changes.note(session, cause.tenant, "remedy", row.event)


@events(filter=of(RetrainingRequested))
async def requested(event: RetrainingRequested, cause: Cause, sessions: Database) -> None:
    await _job(event, cause, sessions)


@events(filter=of(DatasetFrozen))
async def frozen(event: DatasetFrozen, cause: Cause, sessions: Database) -> None:
    await _job(event, cause, sessions)


@events(filter=of(TrainingProgressed))
async def progressed(event: TrainingProgressed, cause: Cause, sessions: Database) -> None:
    await _job(event, cause, sessions)


@events(filter=of(AdapterTrained))
async def trained(event: AdapterTrained, cause: Cause, sessions: Database) -> None:
    await _job(event, cause, sessions)


@events(filter=of(TrainingFailed))
async def failed(event: TrainingFailed, cause: Cause, sessions: Database) -> None:
    await _job(event, cause, sessions)


async def _job(event: jobs.Known, cause: Received, sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        row = await jobs.apply(session, cause.tenant, event, cause.time)
        if row is not None:
            changes.note(session, cause.tenant, "job", row.shown())
