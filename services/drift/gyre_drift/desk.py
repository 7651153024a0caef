"""What an event changes, inside the handler's transaction: states, alarms, decisions."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

import numpy as np
from prometheus_client import Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_drift import store
from gyre_drift.tables import Stream
from gyre_drift.watching import batch, deciding
from gyre_drift.watching.batch import Auc
from gyre_drift.watching.deciding import Asked, Raised
from gyre_drift.watching.detectors import Alarm
from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.stream import Judgement, Watched
from gyre_events import (
    DriftDetected,
    EmbeddingObserved,
    Event,
    Policy,
    Position,
    Purpose,
    RetrainingRequested,
    RolloutChanged,
)
from gyre_service.ids import derived_id, now
from gyre_service.kafka import Received

SERVICE = "drift"
EXAMPLES = 5
CANDIDATE = "candidate"  # the arm of an adapter that a rollout is about
Family = Literal["input", "retrieval", "quality", "people", "operations"]

ALARMS = Counter("gyre_drift_alarms", "Alarms, by family", ["family"])
HELD = Counter("gyre_drift_trainings_held_back", "Confirmed alarms that started no training")


@dataclass(frozen=True)
class Desk:
    """What a transaction needs to take an event.

    Args:
        session: Of the transaction.
        cause: The event.
        time: Of the event, on the platform's clock.
        rollout: Of its route, if the registry has said one.
        row: The route's stream.
        watched: Its detectors; None while warming.
    """

    session: AsyncSession
    cause: Received
    time: datetime
    rollout: RolloutChanged | None
    row: Stream
    watched: Watched | None

    @classmethod
    async def open(
        cls,
        session: AsyncSession,
        cause: Received,
        time: datetime,
        route: str,
        rollout: RolloutChanged | None,
    ) -> "Desk":
        row = await store.lock_stream(session, cause.tenant, route)
        desk = cls(session, cause, time, rollout, row, store.watched_of(row))
        row.candidate = desk._candidate() or row.candidate
        return await desk._after_promotion()

    @property
    def policy(self) -> Policy:
        return self.rollout.policy if self.rollout else Policy()

    async def question(self, event: EmbeddingObserved, vector: Vectors) -> list[Event]:
        """Take a live question, or one of a baseline; return what it causes."""
        live = event.purpose is Purpose.LIVE
        desk = self
        if self.row.encoder != event.encoder.digest:  # never an alarm: nothing can be compared
            desk = await self._restart(event.encoder.digest, self.time)
        self.row.events += live
        if desk.watched is None:
            return await desk._collect(event.text, vector)
        if not live:
            store.save(self.session, self.row, desk.watched)
            return []
        await store.remember(self.session, self.row, event.text, vector, self.time)
        assert self.row.reference_id is not None
        reference = await store.get_reference(
            self.session, self.row.tenant, self.row.route, self.row.reference_id
        )
        alarms = desk.watched.question(reference, vector, self.time)
        return await desk._decide(alarms, reference)

    async def judged(self, event: Judgement) -> list[Event]:
        """Take what was said of a live answer; return what it causes."""
        if event.no_context:  # an outage of search is no drift
            return []
        if self.watched is None:  # topics have no order: its time decides, when there is one
            since = self.row.warms_since
            if since is None or self.time > store.utc(since):
                store.keep_early(self.session, self.cause, self.row.route, event, self.time)
            return []
        return await self._decide(self.watched.judged(event, self.time), None)

    async def _collect(self, text: str, vector: Vectors) -> list[Event]:
        await store.collect(self.session, self.row, text, vector)
        policy = self.policy.drift
        watched = None
        if self.row.collected >= policy.reference_events + policy.calibration_events:
            await self.session.flush()
            texts, vectors = await store.take_collected(self.session, self.row)
            id = derived_id(self.row.tenant, SERVICE, "reference", self.cause.source, self.cause.id)
            calibration = len(texts) - policy.reference_events
            reference = await asyncio.to_thread(Reference.build, id, vectors, texts, calibration)
            await store.keep_reference(self.session, self.row, reference, self.time)
            self.row.reference_id, self.row.collected = id, 0
            watched = Watched.new(policy, len(reference.centres), self.time)
        store.save(self.session, self.row, watched)
        return [] if watched is None else await replace(self, watched=watched)._catch_up()

    async def _catch_up(self) -> list[Event]:
        """Take what was said while there was no reference."""
        assert self.watched is not None
        alarms = []
        for (topic, partition, offset), event, time in await store.take_early(
            self.session, self.row
        ):
            self.watched.positions[topic, partition] = offset
            alarms += self.watched.judged(event, time)
        return await self._decide(alarms, None)

    async def _restart(self, encoder: str, since: datetime) -> "Desk":
        """Begin a new reference: the one there is says nothing about what comes after `since`."""
        await store.forget_collected(self.session, self.row)
        self.row.encoder, self.row.reference_id, self.row.waiting = encoder, None, ""
        self.row.warms_since = since
        store.save(self.session, self.row, None)
        return replace(self, watched=None)

    async def _after_promotion(self) -> "Desk":
        """Begin a new reference when what we asked for has come into production."""
        if self.rollout is None or self.watched is None:
            return self
        if self.time <= self.rollout.decided_at:  # of the time before, however late it is handled
            return self
        job = self.rollout.arms[0].job_id
        if self.rollout.stage != "steady" or job is None or job == self.row.promoted:
            return self
        if job not in {asked.job for asked in await self._asked()}:
            return self
        self.row.promoted = job
        return await self._restart(self.row.encoder, self.rollout.decided_at)

    async def _decide(self, alarms: list[Alarm], reference: Reference | None) -> list[Event]:
        watched, policy = self.watched, self.policy.drift
        assert watched is not None
        watched.positions[self.cause.topic, self.cause.partition] = self.cause.offset
        watched.alarms = deciding.recent(
            watched.alarms, watched.in_alarm(), self.row.events, policy
        )
        events: list[Event] = []
        auc = await self._auc(reference)
        for number, alarm in enumerate(alarms):
            drift = await self._drift(alarm, number, reference, auc)
            raised = Raised(
                str(drift.drift_id), alarm.detector, alarm.family, self.row.events, alarm.onset
            )
            # What the detector raised before is of an episode that is over.
            others = [one for one in watched.alarms if one.detector != raised.detector]
            watched.alarms = [*others, raised]
            events.append(drift)
            ALARMS.labels(alarm.family).inc()
        decision = deciding.confirmed(watched.alarms, auc, policy)
        if decision.train:
            request = await self._request(decision.reason)
            if request is not None:
                events.append(request)
        elif all(alarm.job for alarm in watched.alarms):  # or there are none
            self.row.waiting, watched.held = "", False
        elif auc is not None or not self.row.waiting:  # else what was said last still holds
            self.row.waiting = decision.reason
        store.save(self.session, self.row, watched)
        store.decide(self.session, self.cause, self.row.route, events)
        return events

    async def _auc(self, reference: Reference | None) -> Auc | None:
        assert self.watched is not None
        alarms = [one for one in self.watched.alarms if one.family == "input"]
        if reference is None or not alarms:
            return None
        since = min(store.utc(alarm.onset) for alarm in alarms)
        limit = self.policy.drift.batch_events
        _, new = await store.newest(self.session, self.row, since, limit)
        if not deciding.wants_test(alarms, self.row.events, len(new)):
            return None
        seed = self.row.events
        return await asyncio.to_thread(batch.compare, reference.points, new, seed)

    async def _drift(
        self, alarm: Alarm, number: int, reference: Reference | None, auc: Auc | None
    ) -> DriftDetected:
        texts: list[str] = []
        nearest: list[str] = []
        if reference is not None:
            found, vectors = await store.newest(self.session, self.row, alarm.onset, EXAMPLES * 4)
            order = np.argsort([-reference.z(vector) for vector in vectors])[:EXAMPLES]
            texts = [found[index] for index in order]
            nearest = [reference.nearest(vectors[index]) for index in order]
        return DriftDetected(
            drift_id=self._id("drift", number),
            route=self.row.route,
            family=cast(Family, alarm.family),
            detector=alarm.detector,
            statistic=alarm.statistic,
            threshold=alarm.threshold,
            reference_id=self.row.reference_id,
            events=alarm.events,
            onset=alarm.onset,
            size=alarm.size,
            auc=auc and auc.value,
            auc_low=auc and auc.low,
            examples=tuple(texts),
            nearest=tuple(nearest),
            positions=self._positions(),
            decided_at=now(),
        )

    async def _request(self, reason: str) -> RetrainingRequested | None:
        """Return the request, unless it was made already or something forbids it now."""
        watched = self.watched
        assert watched is not None
        if self.rollout is None:
            self.row.waiting = f"{reason}; the registry has said nothing of this route"
            return None
        asked = await self._asked()
        over = (self.row.candidate, self.row.promoted)
        # By the broker's clock: a producer's, an hour ahead, would end a cooldown.
        time = self.cause.appended
        under_way = deciding.unfinished(asked, time, self._candidate(), over)
        if under_way is None:
            watched.alarms = [replace(alarm, job=None) for alarm in watched.alarms]
        elif all(alarm.job == under_way.job for alarm in watched.alarms):
            self.row.waiting, watched.held = "", False
            return None
        held = deciding.allowed(asked, under_way, time, self.policy.drift)
        if held:
            if not watched.held:
                HELD.inc()
            self.row.waiting, watched.held = f"{reason}; {held}", True
            return None
        self.row.waiting, watched.held = "", False
        training, job = self.policy.training, self._id("job")
        alarms = watched.alarms = [replace(alarm, job=job) for alarm in watched.alarms]
        return RetrainingRequested(
            job_id=job,
            route=self.row.route,
            drift_ids=tuple(UUID(alarm.drift_id) for alarm in alarms),
            reason=reason,
            base=self.rollout.base,
            training=training,
            # The last: an example too few is waited for, one from before would be taught as new.
            since=max(store.utc(alarm.onset) for alarm in alarms),
            data_deadline=self.cause.appended + timedelta(seconds=training.data_deadline_s),
            positions=self._positions(),
            decided_at=self.cause.appended,  # the clock of its deadline, and of datasets
        )

    async def _asked(self) -> list[Asked]:
        return await store.requests(self.session, self.row.tenant, self.row.route)

    def _candidate(self) -> UUID | None:
        """Return the job whose adapter is being measured or shown."""
        if self.rollout is None or self.rollout.stage == "steady":
            return None
        return next((arm.job_id for arm in self.rollout.arms if arm.name == CANDIDATE), None)

    def _positions(self) -> tuple[Position, ...]:
        assert self.watched is not None
        return tuple(
            Position(topic=topic, partition=partition, offset=offset)
            for (topic, partition), offset in sorted(self.watched.positions.items())
        )

    def _id(self, *parts: object) -> UUID:
        """Return an id that this cause gives however often it is handled."""
        cause = self.cause
        return derived_id(cause.tenant, SERVICE, cause.source, cause.id, *parts)
