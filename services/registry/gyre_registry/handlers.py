"""Events in: facts are kept, rollouts move."""

from typing import Annotated

from gyre_events import (
    AdapterEvaluated,
    AdapterLoaded,
    AdapterTrained,
    AnswerGenerated,
    AnswerScored,
    DatasetFrozen,
    DocumentIndexed,
    DriftDetected,
    Event,
    Purpose,
    RemedyRequested,
    RetrainingRequested,
    TrainingFailed,
    VerdictRecorded,
)
from gyre_events.answers import OfAnswer
from gyre_registry import (
    evidence,
    finding,
    lineage,
    loading,
    outcome,
    reactivating,
    reconsidering,
    refusing,
    rollouts,
)
from gyre_registry.counting import JUDGE
from gyre_registry.desired import PRODUCTION
from gyre_registry.tables import CANDIDATE, UNDER_WAY, Adapter
from gyre_registry.tables import PRODUCTION as IN_PRODUCTION
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.ids import derived_id, now
from gyre_service.kafka import Cause, Given, Received, Router, of

SessionsOf = Annotated[Sessions, Given("sessions")]

router = Router("registry")
TOPICS: tuple[type[Event], ...] = (
    AdapterTrained,
    AdapterLoaded,
    AdapterEvaluated,
    TrainingFailed,
    AnswerGenerated,
    AnswerScored,
    VerdictRecorded,
    DriftDetected,
    RetrainingRequested,
    RemedyRequested,
    DatasetFrozen,
    DocumentIndexed,
)
events = router.subscriber(*(event.topic for event in TOPICS))


@events(filter=of(AdapterTrained))
async def trained(event: AdapterTrained, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        await lineage.keep(session, cause.tenant, event, str(event.job_id))
        adapter = await session.get(Adapter, (cause.tenant, event.route, event.adapter_digest))
        adapter = adapter or Adapter(
            tenant=cause.tenant,
            digest=event.adapter_digest,
            uri=event.adapter_uri,
            route=event.route,
            base_digest=event.base.digest,
            job_id=event.job_id,
            created_at=now(),
        )
        session.add(adapter)
        # Of the job, so that a training that is told of twice is released once.
        id = derived_id(cause.tenant, "rollout", event.job_id)
        by = rollouts.POLICY
        await rollouts.enter(session, cause.tenant, adapter, id, by, job_id=event.job_id)


@events(filter=of(AdapterLoaded))
async def loaded(event: AdapterLoaded, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        # Nobody promotes by hand what nobody has loaded, or measures it; and this says why.
        is_last = await loading.keep(session, cause.tenant, event)
        if is_last and event.outcome == "refused" and not event.waits:
            await refusing.refuse(session, cause.tenant, event, cause.appended)


@events(filter=of(AdapterEvaluated))
async def evaluated(event: AdapterEvaluated, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        row = await finding.locked(session, cause.tenant, event.rollout_id)
        if row is not None and row.stage == CANDIDATE:  # else: of a rollout that is over
            await rollouts.pass_gate(session, row, event)


@events(filter=of(AnswerGenerated))
async def generated(event: AnswerGenerated, cause: Cause, sessions: SessionsOf) -> None:
    if event.broken_off:
        return  # the same id may come again, whole, made of something else
    async with transaction(sessions) as session:
        await lineage.keep_answer(session, cause.tenant, event, cause.time)


@events(filter=of(AnswerScored))
async def scored(event: AnswerScored, cause: Cause, sessions: SessionsOf) -> None:
    bad = outcome.of_scores(event.scores)
    if bad is not None:
        await _judged(event, cause, sessions, bad=bad, judged_by=JUDGE)


@events(filter=of(VerdictRecorded))
async def judged(event: VerdictRecorded, cause: Cause, sessions: SessionsOf) -> None:
    async with snapshot(sessions) as session:
        digest = await lineage.text_digest_of(session, cause.tenant, event.answer_id)
    bad = outcome.of_verdict(event, digest)
    if bad is not None:
        await _judged(event, cause, sessions, bad=bad, judged_by=evidence.PERSON)


async def _judged(
    event: OfAnswer, cause: Received, sessions: Sessions, *, bad: bool, judged_by: str
) -> None:
    if event.no_context:  # of neither arm's making
        return
    # Nobody is shown a shadow: only the judge has something to say of it.
    shadow = event.purpose is Purpose.SHADOW and event.arm == CANDIDATE
    shadow = shadow and judged_by == JUDGE
    live = event.purpose is Purpose.LIVE and event.arm in (CANDIDATE, PRODUCTION)
    if not (shadow or live):
        return
    async with transaction(sessions) as session:
        row = await finding.locked(session, cause.tenant, event.rollout_id)
        if row is None:
            return  # no rollout was under way when this was answered
        period = await evidence.period_of_answer(
            session, cause.tenant, row.route, row.rollout_id, event.revision
        )
        if period is None:
            return
        await evidence.record(
            session,
            cause.tenant,
            event.rollout_id,
            event.arm,
            event.answer_id,
            period=period,
            bad=bad,
            judged_by=judged_by,
            shadow=shadow,
            at=cause.appended,
        )
        if row.stage in UNDER_WAY:
            await rollouts.advance(session, row, cause.appended)
        elif row.stage == IN_PRODUCTION:
            await reconsidering.reconsider(session, row)


@events(filter=of(TrainingFailed))
async def failed(event: TrainingFailed, cause: Cause, sessions: SessionsOf) -> None:
    await _keep(event, cause, sessions)


@events(filter=of(DriftDetected))
async def drifted(event: DriftDetected, cause: Cause, sessions: SessionsOf) -> None:
    await _keep(event, cause, sessions)


@events(filter=of(RetrainingRequested))
async def requested(event: RetrainingRequested, cause: Cause, sessions: SessionsOf) -> None:
    await _keep(event, cause, sessions)


@events(filter=of(RemedyRequested))
async def remedied(event: RemedyRequested, cause: Cause, sessions: SessionsOf) -> None:
    if event.asks_for(reactivating.REMEDY):
        async with transaction(sessions) as session:
            await reactivating.reactivate(session, cause.tenant, event)


@events(filter=of(DatasetFrozen))
async def frozen(event: DatasetFrozen, cause: Cause, sessions: SessionsOf) -> None:
    await _keep(event, cause, sessions)


async def _keep(event: Event, cause: Received, sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await lineage.keep(session, cause.tenant, event, lineage.id_of(event))


@events(filter=of(DocumentIndexed))
async def indexed(event: DocumentIndexed, cause: Cause, sessions: SessionsOf) -> None:
    async with transaction(sessions) as session:
        id = f"{event.document_id}/{event.version}"
        await lineage.keep(session, cause.tenant, event, id)
