"""Freezes a dataset for a training as soon as there is enough, in the handler's transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import DatasetFrozen, RetrainingRequested
from gyre_events.training import Dataset
from gyre_feedback import store
from gyre_feedback.manifest import manifest
from gyre_feedback.splitting import Sample, Split, apart, split, spread
from gyre_feedback.tables import Example, Replay, Request
from gyre_service.blobs import Blobs
from gyre_service.ids import utc
from gyre_service.kafka import Received


@dataclass(frozen=True)
class Freezer:
    """What a transaction needs to freeze datasets.

    Args:
        session: Of the transaction.
        blobs: Where manifests go.
        cause: The event that may have completed a dataset.
        decided_at: When its cause was appended to the log.
        per_document: Examples that one document may have in a replay.
        replay: Examples of a replay.
    """

    session: AsyncSession
    blobs: Blobs
    cause: Received
    decided_at: datetime
    per_document: int
    replay: int

    async def check(self, route: str) -> None:
        """Freeze for every request of a route whose floors are reached; close those too old.

        Nothing but a change of its examples, or the request itself, can complete a dataset.
        """
        if not await store.waiting_requests(self.session, self.cause.tenant, route):
            return
        # Two replicas would freeze twice. Who had to wait looks again.
        await store.lock_dataset(self.session, self.cause.tenant, route)
        for row in await store.waiting_requests(self.session, self.cause.tenant, route):
            request = RetrainingRequested.model_validate(row.event)
            if self.decided_at > request.data_deadline:
                row.state = "expired"
            elif (frozen := await self._freeze(request)) is not None:
                row.state, row.frozen = "frozen", frozen.model_dump(mode="json")
                row.frozen_source, row.frozen_id = self.cause.source, self.cause.id
            self.session.add(row)
        await self.session.flush()

    async def _freeze(self, request: RetrainingRequested) -> DatasetFrozen | None:
        await self.session.flush()
        tenant, floor = self.cause.tenant, request.training
        count, conversations = await store.count_since(
            self.session, tenant, request.route, request.since
        )
        if count < floor.floor_examples or conversations < floor.floor_conversations:
            return None
        examples = await store.examples_in_full(self.session, tenant, request.route)
        new = [one for one in examples if utc(one.answered_at) >= request.since]
        parts = split([_sample(one) for one in new], floor.holdout, str(request.job_id))
        if not parts.train or 2 * len(parts.holdout) < floor.holdout * len(new):
            return None  # nearly all of one document: wait for others
        digests = {one.example_id: one.digest for one in new}
        return DatasetFrozen(
            job_id=request.job_id,
            route=request.route,
            train=await self._write(request.route, digests, parts.train),
            holdout=await self._write(request.route, digests, parts.holdout),
            replay=await self._replay(request, examples, parts),
            conversations=conversations,
            decided_at=self.decided_at,
        )

    async def _replay(
        self, request: RetrainingRequested, examples: list[Example], parts: Split
    ) -> Dataset:
        """Keep what was good before the shift: what people curated, and what nobody judged.

        When the shift began is an estimate, so the holdout has older relatives: they stay out.
        """
        unjudged = await store.replay_of(self.session, self.cause.tenant, request.route)
        known: list[Example | Replay] = [*unjudged, *examples]
        before = [row for row in known if utc(row.answered_at) < request.since]
        held = set(parts.holdout)
        holdout = [_sample(row) for row in examples if row.example_id in held]
        kept = apart([_sample(row) for row in before], holdout)
        digests = {row.example_id: row.digest for row in before}
        documents = {one.id: next(iter(one.documents), "") for one in kept}
        most = self.replay if request.training.replay > 0 else 0
        chosen = spread(documents, self.per_document, most)
        return await self._write(request.route, digests, chosen)

    async def _write(
        self, route: str, digests: dict[UUID, str], ids: tuple[UUID, ...] | list[UUID]
    ) -> Dataset:
        content = manifest(route, {id: digests[id] for id in ids})
        return Dataset(digest=await self.blobs.put(content), examples=len(ids))


def frozen_events(requests: list[Request]) -> list[DatasetFrozen]:
    """Return what was decided on `requests`: what every redelivery publishes."""
    return [DatasetFrozen.model_validate(row.frozen) for row in requests]


def _sample(example: Example | Replay) -> Sample:
    return Sample(example.example_id, example.conversation, tuple(example.documents))
