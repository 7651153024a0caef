"""Events in: each brings one read model up to date, and live clients are told."""

from typing import Annotated, TypeAlias

from faststream import Context

from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    DocumentIndexed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSubmitted,
    ExampleCurated,
    VerdictRecorded,
)
from gyre_gateway.store import answers, changes, documents, examples, judgements
from gyre_gateway.views import answer_shown
from gyre_service.database import Sessions, transaction
from gyre_service.kafka import Cause, Received, Router

Database: TypeAlias = Annotated[Sessions, Context("sessions")]

router = Router("gateway")


@router.subscriber(DocumentSubmitted.topic)
async def submitted(event: DocumentSubmitted, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


@router.subscriber(DocumentIndexed.topic)
async def indexed(event: DocumentIndexed, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


@router.subscriber(DocumentRejected.topic)
async def rejected(event: DocumentRejected, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


@router.subscriber(DocumentRemoved.topic)
async def removed(event: DocumentRemoved, cause: Cause, sessions: Database) -> None:
    await _document(event, cause, sessions)


async def _document(event: documents.Known, cause: Received, sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        row = await documents.apply(session, cause.tenant, event, cause.time)
        if row is not None:
            changes.note(session, cause.tenant, "document", row.shown())


@router.subscriber(AnswerGenerated.topic)
async def generated(event: AnswerGenerated, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await answers.add(session, cause.tenant, event, cause.time)
        if row is not None:
            changes.note(session, cause.tenant, "answer", answer_shown(row))


@router.subscriber(AnswerScored.topic)
async def scored(event: AnswerScored, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        rows = await judgements.add_scores(session, cause.tenant, event, cause.time)
        if rows:
            shown = [row.shown() for row in rows]
            data = {"answer_id": str(event.answer_id), "route": event.route, "scores": shown}
            changes.note(session, cause.tenant, "score", data)


@router.subscriber(VerdictRecorded.topic)
async def judged(event: VerdictRecorded, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await judgements.add_verdict(session, cause.tenant, event)
        if row is not None:
            about = {"answer_id": str(event.answer_id), "route": event.route}
            changes.note(session, cause.tenant, "verdict", about | row.shown())


@router.subscriber(ExampleCurated.topic)
async def curated(event: ExampleCurated, cause: Cause, sessions: Database) -> None:
    async with transaction(sessions) as session:
        row = await examples.add(session, cause.tenant, event, cause.time)
        if row is not None:
            version = {"dataset": event.dataset, "examples": event.examples}
            changes.note(session, cause.tenant, "example", row.shown() | version)
