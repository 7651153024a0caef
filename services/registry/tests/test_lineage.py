"""What is told of an answer, by events alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gyre_events import (
    AdapterTrained,
    AnswerGenerated,
    Dataset,
    DatasetFrozen,
    DocumentIndexed,
    DriftDetected,
    Encoder,
    Moved,
    Passage,
    RetrainingRequested,
    RolloutChanged,
    TrainingFailed,
)
from gyre_events.policy import TrainingPolicy
from gyre_registry import lineage
from gyre_registry.canary import Count
from gyre_registry.deciding import ensure_routes, put_route
from gyre_registry.desired import Wish
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import NotFound
from gyre_service.ids import now

from .conftest import BASE, Published, Send
from .test_evidence import evidence_of
from .test_rollouts import WHEN, about, canary, changes, evaluated, trained, verdict

DOCUMENT = uuid4()


def answered(rollout: RolloutChanged, arm: str = "candidate", **fields: Any) -> AnswerGenerated:
    passage = Passage(
        chunk_id=uuid4(),
        document_id=DOCUMENT,
        version=2,
        document="lamp.md",
        text="The lamp is blue.",
        score=0.7,
    )
    made_of = next(one for one in rollout.arms if one.name == arm)
    return AnswerGenerated(
        **about(rollout, arm)
        | {
            "revision": rollout.revision,
            "base_digest": BASE.digest,
            "adapter_digest": made_of.adapter_digest,
            "prompt_digest": made_of.prompt.digest,
            "question": "Which colour has the lamp of Ada?",
            "answer": "It is blue [1].",
            "passages": (passage,),
            "cited": (1,),
            "person": "p-1",
        }
        | fields
    )


def drifted() -> DriftDetected:
    return DriftDetected(
        drift_id=uuid4(),
        route="default",
        family="input",
        detector="novelty",
        statistic=9.0,
        threshold=5.0,
        onset=WHEN,
        events=10,
        examples=("Where does Ada live?",),
        nearest=("Where is the lamp of Ada?",),
        moved=(Moved(cluster=1, before=0, now=1, low=1, high=1, examples=("Who is Ada?",)),),
        decided_at=WHEN,
    )


def requested(made: AdapterTrained, drift: DriftDetected) -> RetrainingRequested:
    return RetrainingRequested(
        job_id=made.job_id,
        route="default",
        drift_ids=(drift.drift_id, uuid4()),
        reason="novelty",
        base=BASE,
        training=TrainingPolicy(),
        since=WHEN,
        data_deadline=WHEN,
        decided_at=WHEN,
    )


def indexed() -> DocumentIndexed:
    return DocumentIndexed(
        document_id=DOCUMENT,
        version=2,
        name="lamp.md",
        collection="default",
        sha256="3" * 64,
        chunks=1,
        encoder=Encoder(name="letters", digest="4" * 64, dimension=2),
    )


async def traced(sessions: Sessions, answer_id: UUID, tenant: str = "acme") -> dict[str, Any]:
    async with snapshot(sessions) as session:
        return await lineage.trace(session, tenant, answer_id)


async def test_an_answer_leads_back_to_all_that_made_it(
    send: Send, published: Published, sessions: Sessions
) -> None:
    drift, made = drifted(), trained()
    part = Dataset(digest="1" * 64, examples=5)
    frozen = DatasetFrozen(
        job_id=made.job_id, route="default", train=part, holdout=part, replay=part, decided_at=WHEN
    )
    for event in (drift, requested(made, drift), frozen, made):
        await send(event)
    [candidate] = await changes(published)
    await send(evaluated(candidate))
    await send(indexed())
    answer = answered((await changes(published))[-1])
    await send(answer)

    found = await traced(sessions, answer.answer_id)

    assert found["answer"]["arm"] == "candidate"
    assert found["answer"]["rollout_id"] == str(candidate.rollout_id)
    [chunk] = found["chunks"]
    assert (chunk["document"], chunk["indexed"]["version"]) == ("lamp.md", 2)
    assert found["prompt"]["text"] == candidate.arms[0].prompt.text
    assert found["base"] == BASE.digest
    assert found["adapter"]["digest"] == made.adapter_digest
    assert found["rollout"]["stage"] == "canary"
    assert [step["stage"] for step in found["rollout"]["history"]] == [
        "waiting",
        "candidate",
        "canary",
    ]
    assert found["training"]["loss"] == made.loss
    assert found["request"]["reason"] == "novelty"
    assert found["dataset"]["holdout"]["examples"] == 5
    assert [one["drift_id"] for one in found["drift"]] == [str(drift.drift_id)]
    assert found["gate"]["suites"]
    assert found["drift"][0]["examples"] == ["Where does Ada live?"]
    assert "Ada" not in str(found | {"drift": None}), "no text of the answer, and nobody's name"
    assert "p-1" not in str(found)


async def test_who_is_answered_by_the_route_of_default_sees_what_made_that_one(
    send: Send, published: Published, sessions: Sessions
) -> None:
    await ensure_routes(sessions, [], BASE)
    drift, made = drifted(), trained()
    for event in (drift, requested(made, drift), made):
        await send(event, "default")
    await send(evaluated((await changes(published))[-1]), "default")
    await send(indexed(), "umbrella")
    route = (await changes(published))[-1]
    answer = answered(route)
    await send(answer, "umbrella")

    found = await traced(sessions, answer.answer_id, "umbrella")

    assert found["chunks"][0]["indexed"] is not None
    assert found["prompt"]["text"] == route.arms[0].prompt.text
    assert found["adapter"]["digest"] == made.adapter_digest
    assert found["rollout"]["stage"] == "canary"
    assert found["training"]["job_id"] == found["request"]["job_id"] == str(made.job_id)
    assert found["gate"]["suites"]
    assert [one["drift_id"] for one in found["drift"]] == [str(drift.drift_id)]
    assert "Ada" not in str(found), "others' questions are theirs"

    own = await put_route(sessions, "umbrella", Wish("default", prompt="Be brief."), BASE)
    assert await traced(sessions, answer.answer_id, "umbrella") == found
    later = answered(own, "production")
    await send(later, "umbrella")
    found = await traced(sessions, later.answer_id, "umbrella")
    assert (found["prompt"]["text"], found["adapter"]) == ("Be brief.", None)


async def test_what_has_no_part_in_an_answer_is_none(
    send: Send, published: Published, sessions: Sessions
) -> None:
    shown = await canary(send, published)
    answer = answered(shown, "production")
    await send(answer)

    found = await traced(sessions, answer.answer_id)

    parts = ("adapter", "rollout", "training", "request", "dataset", "drift", "gate")
    assert {name: found[name] for name in parts} == dict.fromkeys(parts)
    assert found["chunks"][0]["indexed"] is None
    with pytest.raises(NotFound):
        await traced(sessions, answer.answer_id, "umbrella")


async def test_old_answers_are_forgotten(
    send: Send, published: Published, sessions: Sessions
) -> None:
    answer = answered(await canary(send, published))
    await send(answer)
    time = datetime(2026, 1, 1, tzinfo=UTC)  # of the event
    async with transaction(sessions) as session:
        await lineage.forget_answers(session, time)
    await traced(sessions, answer.answer_id)

    async with transaction(sessions) as session:
        await lineage.forget_answers(session, time + timedelta(seconds=1))
    with pytest.raises(NotFound, match="it may be too old"):
        await traced(sessions, answer.answer_id)


@pytest.mark.parametrize("known", [True, False])
async def test_an_edit_that_repeats_the_answer_says_nothing(
    send: Send, published: Published, sessions: Sessions, known: bool
) -> None:
    shown = await canary(send, published)
    answer = answered(shown)
    if known:
        await send(answer)
    same = verdict(shown, "candidate", "up").model_copy(
        update={"answer_id": answer.answer_id, "thumb": None, "edited_answer": answer.answer}
    )
    await send(same)

    found = await evidence_of(sessions, shown)
    assert found.live.candidate == (Count() if known else Count(1, 1))


async def test_a_kind_of_event_without_an_id_of_its_own_is_a_bug(sessions: Sessions) -> None:
    failed = TrainingFailed(job_id=uuid4(), route="default", reason="no data", decided_at=now())
    assert lineage.id_of(failed) == str(failed.job_id)
    with pytest.raises(TypeError):
        lineage.id_of(await put_route(sessions, "acme", Wish("default"), BASE))


async def test_what_broke_off_is_no_answer_and_the_whole_one_is_kept(
    send: Send, published: Published, sessions: Sessions
) -> None:
    whole = answered(await canary(send, published), purpose="live")
    broken = whole.model_copy(update={"answer": "It", "passages": (), "broken_off": True})
    await send(broken)
    with pytest.raises(NotFound):
        await traced(sessions, whole.answer_id)

    await send(whole)

    assert len((await traced(sessions, whole.answer_id))["chunks"]) == 1
