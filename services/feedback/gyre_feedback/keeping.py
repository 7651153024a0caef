"""Keeps a bounded sample of good answers, to be replayed when the world has moved."""

from hashlib import sha256
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AnswerGenerated
from gyre_feedback import store
from gyre_feedback.curation import content_of, rests_on, worth_repeating
from gyre_feedback.manifest import canonical
from gyre_feedback.tables import Answer, Replay
from gyre_service.blobs import Blobs
from gyre_service.ids import derived_id


async def keep(session: AsyncSession, blobs: Blobs, answer: Answer, per_document: int) -> None:
    """Put an answer into the reservoir, if it is good and nobody has judged it.

    Of each document those with the smallest hashes stay: a sample of all there ever were,
    whatever the order in which they came.
    """
    if answer.event is None or answer.given_at is None or not answer.scored_good:
        return
    given = AnswerGenerated.model_validate(answer.event)
    if not worth_repeating(given):
        return
    tenant = answer.tenant
    said = await store.feedback_on(session, tenant, given.answer_id)
    if any(row.counts for row in said):
        return
    id = derived_id(tenant, given.answer_id)
    documents = rests_on(given, given.answer)
    document = documents[0]
    rows = await store.replay_of(session, tenant, given.route, document)
    if any(row.example_id == id for row in rows):
        return
    if len(rows) >= per_document:
        last = max(rows, key=lambda row: _rank(row.example_id))
        if _rank(last.example_id) < _rank(id):
            return
        await session.delete(last)
    content = content_of(id, given, "unjudged", given.answer)
    session.add(
        Replay(
            tenant=tenant,
            example_id=id,
            route=given.route,
            digest=await blobs.put(canonical(content)),
            conversation=str(given.conversation_id),
            document=document,
            documents=documents,
            answered_at=answer.given_at,
        )
    )


def _rank(example_id: UUID) -> bytes:
    return sha256(example_id.bytes).digest()
