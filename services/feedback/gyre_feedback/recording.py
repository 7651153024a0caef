"""Joins feedback to its answer, inside the handler's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AnswerGenerated, Event, ExampleCurated, FeedbackGiven, VerdictRecorded
from gyre_events.answers import OfAnswer
from gyre_feedback import store
from gyre_feedback.curation import Said, can_teach, content_of, rests_on, wanted
from gyre_feedback.editing import edit_distance
from gyre_feedback.manifest import canonical, manifest
from gyre_feedback.manifest import digest as digest_of
from gyre_feedback.tables import DatasetVersion, Example, Feedback
from gyre_service.blobs import Blobs
from gyre_service.ids import derived_id, utc
from gyre_service.kafka import Received


@dataclass(frozen=True)
class Desk:
    """What a transaction needs to join feedback.

    Args:
        session: Of the transaction.
        blobs: Where examples go.
        cause: The event that brought feedback and answer together.
        decided_at: Now.
    """

    session: AsyncSession
    blobs: Blobs
    cause: Received
    decided_at: datetime

    async def join(
        self, answer: AnswerGenerated, answered_at: datetime, feedback: Feedback
    ) -> None:
        """Record the verdict, and bring the dataset up to date with it."""
        given = FeedbackGiven.model_validate(feedback.event)
        feedback.joined_source, feedback.joined_id = self.cause.source, self.cause.id
        within = feedback.counts or not can_teach(given)
        verdict = verdict_of(answer, given, within, self.decided_at)
        feedback.verdict = verdict.model_dump(mode="json")
        if feedback.counts:
            await store.forget_replay(self.session, self.cause.tenant, answer.answer_id)
            example = await self._curate(answer, answered_at, feedback)
            feedback.example = None if example is None else example.model_dump(mode="json")
        self.session.add(feedback)
        await self.session.flush()

    async def _curate(
        self, answer: AnswerGenerated, answered_at: datetime, feedback: Feedback
    ) -> ExampleCurated | None:
        """Add, replace or withdraw the example of an answer; return what changed, if anything."""
        tenant = self.cause.tenant
        id = derived_id(tenant, answer.answer_id)
        said = [
            Said(FeedbackGiven.model_validate(row.event), utc(row.given_at))
            for row in await store.feedback_on(self.session, tenant, answer.answer_id)
            if row.counts and row.joined_id is not None
        ]
        want = wanted(answer, said)
        row = await store.get_example(self.session, tenant, id)
        if want is None:
            if row is None:
                return None
            version = await store.next_version(self.session, tenant, answer.route)
            await self.session.delete(row)
            written = await self._version(answer.route, version, feedback)
            return example_of(answer, "withdrawn", answer.answer, feedback, written)
        digest = await self.blobs.put(canonical(content_of(id, answer, want.kind, want.answer)))
        if row is not None and row.digest == digest:
            return None
        version = await store.next_version(self.session, tenant, answer.route)
        row = row or Example(
            tenant=tenant,
            example_id=id,
            route=answer.route,
            digest=digest,
            conversation=str(answer.conversation_id),
            documents=[],
            answered_at=answered_at,
        )
        row.digest, row.documents = digest, rests_on(answer, want.answer)
        self.session.add(row)
        written = await self._version(answer.route, version, feedback)
        return example_of(answer, want.kind, want.answer, feedback, written)

    async def _version(self, route: str, version: int, feedback: Feedback) -> DatasetVersion:
        """Add what is in the dataset now as its next version, named by its manifest.

        That is written where a dataset is frozen: one for every change is as many as there are
        examples, each of all of them.
        """
        await self.session.flush()
        examples = await store.examples_of(self.session, self.cause.tenant, route)
        row = DatasetVersion(
            tenant=self.cause.tenant,
            route=route,
            version=version,
            digest=digest_of(manifest(route, examples)),
            examples=len(examples),
            created_at=feedback.given_at,
        )
        self.session.add(row)
        return row


def verdict_of(
    answer: AnswerGenerated, given: FeedbackGiven, within: bool, decided_at: datetime
) -> VerdictRecorded:
    """Return the verdict; `within`: the quota of who gave it."""
    edited = given.edited_answer if (given.edited_answer or "").strip() else None
    return VerdictRecorded(
        **{name: getattr(answer, name) for name in OfAnswer.model_fields},
        feedback_id=given.feedback_id,
        by=given.person,
        thumb=given.thumb,
        score=given.score,
        comment=given.comment,
        edited_answer=edited,
        edit_distance=edit_distance(answer.answer, edited) if edited else None,
        counts=within,
        decided_at=decided_at,
    )


def example_of(
    answer: AnswerGenerated,
    kind: Literal["praised", "edited", "withdrawn"],
    text: str,
    feedback: Feedback,
    dataset: DatasetVersion,
) -> ExampleCurated:
    return ExampleCurated(
        example_id=derived_id(feedback.tenant, answer.answer_id),
        answer_id=answer.answer_id,
        conversation_id=answer.conversation_id,
        feedback_id=feedback.feedback_id,
        route=answer.route,
        kind=kind,
        question=answer.question,
        passages=answer.passages,
        answer=text,
        version=dataset.version,
        dataset=dataset.digest,
        examples=dataset.examples,
    )


def results(feedback: Iterable[Feedback]) -> list[Event]:
    """Return what was decided on `feedback`, in its order: what every redelivery publishes."""
    events: list[Event] = []
    for row in feedback:
        if row.verdict is not None:
            events.append(VerdictRecorded.model_validate(row.verdict))
        if row.example is not None:
            events.append(ExampleCurated.model_validate(row.example))
    return events
