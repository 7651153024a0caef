"""Events in, events out."""

import json
from typing import Annotated

from prometheus_client import Counter

from gyre_evaluation import store, work
from gyre_evaluation.clients.retrieval import Encoder
from gyre_evaluation.sampling import is_sampled
from gyre_evaluation.scoring import JUDGE, Judged, score, texts_to_embed
from gyre_evaluation.shadowing import candidate_for
from gyre_evaluation.spans import record_scores
from gyre_evaluation.suites import suites_of
from gyre_events import (
    AdapterLoaded,
    AnswerGenerated,
    AnswerScored,
    DatasetFrozen,
    Policy,
    Purpose,
    RolloutChanged,
)
from gyre_events.answers import OfAnswer
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Unavailable
from gyre_service.kafka import Cause, Given, Received, Router, Table, of

SessionsOf = Annotated[Sessions, Given("sessions")]
Rollouts = Annotated[Table[RolloutChanged], Given("rollouts")]
Embedding = Annotated[Encoder, Given("encoder")]
BlobsOf = Annotated[Blobs, Given("blobs")]

ANSWERS = Counter(
    "gyre_evaluation_answers", "Answers that were looked at, by what happened", ["outcome"]
)

router = Router("evaluation")
events = router.subscriber(AnswerGenerated.topic, DatasetFrozen.topic, AdapterLoaded.topic)
scored = router.publisher(AnswerScored.topic)


@events(filter=of(AnswerGenerated))
async def score_answer(
    event: AnswerGenerated,
    cause: Cause,
    sessions: SessionsOf,
    rollouts: Rollouts,
    encoder: Embedding,
) -> None:
    if event.broken_off:
        ANSWERS.labels("broken off").inc()
        return  # no answer to judge, nor to put a candidate beside
    async with snapshot(sessions) as reading:
        # A redelivered event finds its row and publishes the same scores again: the first
        # attempt may have died between the commit and the publish. That also holds when the
        # route's policy would not choose the answer any more.
        scores = await store.get_scores(reading, cause.tenant, event.answer_id, JUDGE)
    made = None
    if scores is None and is_wanted(event, cause, rollouts):
        judged = judged_of(event)
        texts = texts_to_embed(judged)
        # Outside the transaction: nobody else could write while we wait for the encoder.
        encoding = await encoder.embed(texts, cause.tenant, event.purpose) if texts else None
        scores = made = score(judged, encoding)
    rollout = rollouts.get(cause.tenant, event.route)
    candidate = candidate_for(event, rollout)
    if candidate is not None or made is not None:
        async with transaction(sessions) as session:
            if candidate is not None and rollout is not None:
                await work.add_shadow(session, cause.tenant, candidate, rollout.rollout_id, event)
            if made is not None:
                store.add_scores(session, cause.tenant, event.answer_id, JUDGE, made, cause.time)
    if scores is None:
        ANSWERS.labels("not wanted").inc()
        return
    if made is not None:
        ANSWERS.labels("scored").inc()
        record_scores(event, made)
    shared = {name: getattr(event, name) for name in OfAnswer.model_fields}
    await scored.publish(AnswerScored(**shared, judge=JUDGE, scores=scores))


@events(filter=of(DatasetFrozen))
async def make_suites(
    event: DatasetFrozen, cause: Cause, sessions: SessionsOf, blobs: BlobsOf
) -> None:
    manifest = json.loads(await blobs.get(event.holdout.digest))
    contents = [json.loads(await blobs.get(row["digest"])) for row in manifest["examples"]]
    suites = suites_of(event.job_id, event.route, contents)
    async with transaction(sessions) as session:
        for suite in suites:
            await store.put_suite(session, cause.tenant, suite)


@events(filter=of(AdapterLoaded))
async def want_evaluation(
    event: AdapterLoaded, cause: Cause, sessions: SessionsOf, rollouts: Rollouts
) -> None:
    if event.outcome != "loaded":
        return
    rollout = rollouts.get(cause.tenant, event.route)
    if rollout is None or rollout.revision < event.revision:
        raise Unavailable(f"revision {event.revision} of route {event.route} is not read yet")
    wanted = [arm.adapter_digest for arm in rollout.arms if arm.name == "candidate"]
    if rollout.rollout_id != event.rollout_id or rollout.stage != "candidate":
        return  # what is in production, or a rollout that went on without this replica
    if event.adapter_digest in wanted:
        async with transaction(sessions) as session:
            await work.add_evaluation(session, cause.tenant, event.adapter_digest, rollout)


def is_wanted(event: AnswerGenerated, cause: Received, rollouts: Table[RolloutChanged]) -> bool:
    """Tell whether an answer is scored: a sample of the live ones, and every shadow.

    A shadow was sampled when it was asked, and is worth nothing without its scores. Answers to
    a suite are judged by its run, against what it expects. What was made while search was away
    would be judged for what nobody could have known.
    """
    if event.no_context:
        return False
    if event.purpose is not Purpose.LIVE:
        return event.purpose is Purpose.SHADOW
    rollout = rollouts.get(cause.tenant, event.route)
    policy = rollout.policy if rollout else Policy()
    return is_sampled(event.answer_id, policy.sample)


def judged_of(event: AnswerGenerated) -> Judged:
    return Judged(
        question=event.question,
        answer=event.answer,
        passages=tuple(passage.text for passage in event.passages),
        top_score=max((passage.score for passage in event.passages), default=None),
        refused=event.refused,
    )
