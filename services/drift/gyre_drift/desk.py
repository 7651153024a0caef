"""What an event changes: where a route's signals stand, and what is done about it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_drift import alarms, eras, remedies, reviewing, store
from gyre_drift.occasion import SERVICE, Occasion
from gyre_drift.references import References
from gyre_drift.routes import rollout_of
from gyre_drift.watching import deciding
from gyre_drift.watching.panel import Asked
from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.signals import Alarm
from gyre_drift.watching.watch import Judgement, Watch
from gyre_events import (
    EmbeddingObserved,
    Event,
    Policy,
    Purpose,
    RemedyReviewed,
    RolloutChanged,
)
from gyre_service.ids import derived_id, utc
from gyre_service.kafka import Received, Table


@dataclass(frozen=True)
class Desks:
    """What all of them share.

    Args:
        rollouts: The desired state of routes.
        references: That there are.
    """

    rollouts: Table[RolloutChanged]
    references: References

    async def open(
        self, session: AsyncSession, cause: Received, time: datetime, route: str
    ) -> "Desk":
        """Return the desk of an event's route.

        Args:
            session: Of the transaction.
            cause: The event.
            time: Of the event, on the platform's clock.
            route: That it is about.
        """
        row = await store.lock_stream(session, cause.tenant, route)
        rollout = rollout_of(self.rollouts, cause.tenant, route)
        occasion = Occasion(session, cause, time, rollout, row)
        row.candidate = occasion.candidate() or row.candidate
        return await Desk(occasion, self.references, None, None).at_work()


@dataclass(frozen=True)
class Desk:
    """Takes an event.

    Args:
        occasion: The event, and its route.
        references: That there are.
        reference: What its questions were like; None while warming, and where nothing has to be
            compared with it yet: it is read for questions and alarms.
        watch: What is remembered of it; None while warming, but for a promoted adapter: then
            answers are watched already.
    """

    occasion: Occasion
    references: References
    reference: Reference | None
    watch: Watch | None

    @property
    def policy(self) -> Policy:
        return self.occasion.policy

    async def question(self, event: EmbeddingObserved, vector: Vectors) -> list[Event]:
        """Take a live question, or one of a baseline; return what it causes."""
        live, occasion, row = event.purpose is Purpose.LIVE, self.occasion, self.occasion.row
        desk = self
        if row.encoder != event.encoder.digest:  # never an alarm: nothing can be compared
            if self._is_of_before():
                await store.save(occasion.session, row, self.watch)
                return []
            # No event is asked after it was appended: a clock that is ahead is no such time.
            since = min(occasion.time, occasion.cause.appended)
            desk = await self._restart(event.encoder.digest, since)
        desk = await desk._with_reference()
        row.events += live
        if desk.watch is None or desk.reference is None:
            return await desk._collect(event.text, vector, live=live)
        if not live:
            await store.save(occasion.session, row, desk.watch)
            return []
        await store.remember(occasion.session, row, event.text, vector, occasion.time)
        # Nothing was found where something was looked for: that is as far from it as can be.
        found = 0.0 if event.searched and event.top_score is None else event.top_score
        asked = Asked(vector, event.person, found, event.injection_score, occasion.time)
        raised = desk.watch.question(desk.reference, asked)
        return await desk._decide(raised, live=True)

    async def judged(self, event: Judgement) -> list[Event]:
        """Take what was said of a live answer; return what it causes."""
        if event.no_context:  # an outage of search is no drift
            return []
        occasion = self.occasion
        if self.watch is None:  # topics have no order: its time decides, when there is one
            since = occasion.row.warms_since
            if since is None or occasion.time > utc(since):
                route = occasion.row.route
                store.keep_early(occasion.session, occasion.cause, route, event, occasion.time)
            return []
        return await self._decide(self.watch.judged(event, occasion.time), live=False)

    async def reviewed(self, event: RemedyReviewed) -> list[Event]:
        """Take what a person says of a remedy; return what it causes."""
        if self.watch is None:  # whatever was proposed is over
            return []
        said = await reviewing.reviewed(self.occasion, self.watch, event)
        return await self._decide([], live=False, said=said)

    async def at_work(self) -> "Desk":
        """Return the desk with what is remembered of the route, if anything is."""
        occasion, row = self.occasion, self.occasion.row
        watch = await store.get_watch(occasion.session, row)
        if watch is None and row.reference_id is None:
            return self
        desk = self
        if watch is None or row.reference_id not in (None, watch.reference_id):  # another release's
            desk = await self._with_reference()
            if desk.reference is None:
                return desk
            watch = Watch.of(desk.reference, self.policy.drift, occasion.time, occasion.production)
            await eras.note(occasion, occasion.time)
        watch.panel.tune(self.policy.drift)
        return await replace(desk, watch=watch)._after_change()

    async def _with_reference(self) -> "Desk":
        """Return the desk with the reference there is; where that cannot be read, a next begins."""
        occasion, row = self.occasion, self.occasion.row
        if row.reference_id is None or self.reference is not None:
            return self
        reference = await self._reference(row.reference_id)
        if reference is None:
            return await self._restart(row.encoder, occasion.time)
        return replace(self, reference=reference)

    def _is_of_before(self) -> bool:
        """Tell whether a question was asked before what it is to be compared with began."""
        occasion, since = self.occasion, self.occasion.row.warms_since
        return since is not None and min(occasion.time, occasion.cause.appended) < utc(since)

    async def _reference(self, reference_id: UUID) -> Reference | None:
        row = self.occasion.row
        return await self.references.get(self.occasion.session, row.tenant, row.route, reference_id)

    async def _collect(self, text: str, vector: Vectors, *, live: bool) -> list[Event]:
        occasion, row, policy = self.occasion, self.occasion.row, self.policy.drift
        await store.collect(occasion.session, row, text, vector, live=live)
        if row.collected < policy.reference_events + policy.calibration_events:
            occasion.session.add(row)
            return []
        await occasion.session.flush()
        # Who imports a baseline sends it in any order; live questions come in theirs.
        texts, vectors, ordered = await store.take_collected(occasion.session, row)
        cause = occasion.cause
        id = derived_id(row.tenant, SERVICE, "reference", cause.source, cause.id)
        reference = await asyncio.to_thread(Reference.build, id, vectors, texts, ordered=ordered)
        await store.keep_reference(occasion.session, row, reference, occasion.time)
        row.reference_id, row.collected = id, 0
        if self.watch is not None:
            watch = self.watch.beside(reference, policy)
        else:
            watch = Watch.of(reference, policy, occasion.time, occasion.production)
        await eras.note(occasion, watch.began)
        return await replace(self, reference=reference, watch=watch)._catch_up()

    async def _catch_up(self) -> list[Event]:
        """Take what was said while there was no reference."""
        assert self.watch is not None
        raised: list[Alarm] = []
        early = await store.take_early(self.occasion.session, self.occasion.row)
        for (topic, partition, offset), event, time in early:
            self.watch.positions[topic, partition] = offset
            raised += self.watch.judged(event, time)
        return await self._decide(raised, live=False)

    async def _restart(self, encoder: str, since: datetime, watch: Watch | None = None) -> "Desk":
        """Begin a new reference: the one there is says nothing about what comes after `since`.

        Nor does what is remembered, but for `watch`.
        """
        row = self.occasion.row
        await store.forget_collected(self.occasion.session, row)
        row.encoder, row.reference_id, row.waiting = encoder, None, ""
        row.warms_since = since
        await store.save(self.occasion.session, row, watch)
        return replace(self, reference=None, watch=watch)

    async def _after_change(self) -> "Desk":
        """Begin a new reference when what we asked for answers, or an older one if its world did.

        An adapter that answered before is no new one: whoever asked for it to be used again.
        """
        occasion, rollout, row = self.occasion, self.occasion.rollout, self.occasion.row
        assert self.watch is not None
        if rollout is None or rollout.stage != "steady":
            return self
        if occasion.production == self.watch.production or occasion.time <= rollout.decided_at:
            return self  # or of the time before, however late it is handled
        adapter, job = self.watch.production = occasion.production
        known = {era.adapter for era in await eras.eras(occasion)}
        asked = (occasion.session, row.tenant, row.route)
        desk = self
        if adapter not in known and job is not None and await store.is_ours(*asked, job):
            row.promoted, row.reference_id = job, None
        else:
            desk = await self._in_world_of(await remedies.reactivated(occasion, adapter))
        if row.reference_id is None:
            since = rollout.decided_at
            watch = self.watch.of_adapter(self.policy.drift, since, occasion.production)
            return await self._restart(row.encoder, since, watch)
        await eras.note(occasion, rollout.decided_at)
        return desk

    async def _in_world_of(self, reference_id: UUID | None) -> "Desk":
        """Compare with an older reference from now on, if there is one to."""
        occasion, row, rollout = self.occasion, self.occasion.row, self.occasion.rollout
        if rollout is None or reference_id is None:
            return self
        reference = await self._reference(reference_id)
        if reference is None:
            return self
        await store.forget_collected(occasion.session, row)
        row.reference_id, row.waiting = reference_id, ""
        began, production = rollout.decided_at, occasion.production
        watch = Watch.of(reference, self.policy.drift, began, production)
        return replace(self, reference=reference, watch=watch)

    async def _decide(
        self, raised: list[Alarm], *, live: bool, said: Sequence[Event] = ()
    ) -> list[Event]:
        occasion, watch, policy = self.occasion, self.watch, self.policy.drift
        assert watch is not None
        cause, row = occasion.cause, occasion.row
        watch.positions[cause.topic, cause.partition] = cause.offset
        watch.alarms = deciding.recent(watch.alarms, watch.panel.in_alarm(), row.events, policy)
        events = [*(await reviewing.orphaned(occasion, watch) if watch.new else ()), *said]
        watch.new = False
        reference = self.reference
        if raised and reference is None and row.reference_id is not None:
            reference = await self._reference(row.reference_id)
        for number, alarm in enumerate(raised):
            events.append(await alarms.raised(occasion, watch, reference, alarm, number))
        attack = watch.attack(reference, policy) if live and reference else None
        if attack is not None:
            events += await remedies.security(occasion, watch, *attack)
        events += await remedies.asked(
            occasion, watch, reference if live else None, self.references
        )
        await store.save(occasion.session, row, watch)
        store.decide(occasion.session, cause, row.route, events)
        return events
