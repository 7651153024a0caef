"""A candidate is measured once against production and the base, also when its runner dies."""

from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select

from gyre_evaluation import store
from gyre_evaluation.evaluating import Evaluator
from gyre_evaluation.suites import suites_of
from gyre_evaluation.work import Evaluation
from gyre_events import AdapterLoaded, Policy, Prompt, ReleasePolicy, RolloutChanged
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Unavailable
from gyre_service.ids import now
from gyre_service.jobs import LostLease
from gyre_service.kafka import Table

from .conftest import CANDIDATE, DIGEST, JOB, Send, put, rollout
from .inference import FakeInference
from .jobs import POLICY, claimed, job_of, published, reply
from .test_moved import example


@pytest.fixture
def inference() -> FakeInference:
    return FakeInference(reply=reply)


async def test_candidate_production_and_base_are_compared(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    wanted = rollout("candidate", POLICY)
    job = await job_of(sessions, wanted)

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert (event.rollout_id, event.job_id, event.error) == (wanted.rollout_id, JOB, "")
    moved, kept = event.suites
    assert (moved.suite, moved.kind, kept.suite, kept.kind) == (
        f"moved/{JOB}",
        "moved",
        "smoke",
        "kept",
    )
    assert [(one.subject, one.passed, one.items) for one in moved.subjects] == [
        ("candidate", 2, 2),
        ("production", 0, 2),
        ("base", 0, 2),
    ]
    assert [(pair.against, pair.gained, pair.lost) for pair in moved.paired] == [
        ("production", 2, 0),
        ("base", 2, 0),
    ]
    assert [pair.difference for pair in kept.paired] == [0, 0]
    # Production is the base: it is asked once.
    assert len(inference.asked) == 2 * 2 + 2 * 2
    assert {request.adapter for _, request in inference.asked} == {CANDIDATE, "base"}
    assert {metadata["gyre-purpose"] for metadata, _ in inference.asked} == {"suite"}
    assert all(request.retrieval == pb.RETRIEVAL_GIVEN for _, request in inference.asked)


@pytest.mark.parametrize(("praised", "kinds"), [(36, ["moved", "kept"]), (9, ["moved"])])
async def test_a_gain_is_asked_where_people_corrected(
    evaluator: Evaluator, sessions: Sessions, praised: int, kinds: list[str]
) -> None:
    """Asked with what was praised, four gained of forty are no gain: nobody can be better there."""
    policy = Policy(release=ReleasePolicy(suites=()))
    job = await job_of(sessions, rollout("candidate", policy), moved=4, praised=praised)

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert [suite.kind for suite in event.suites] == kinds
    moved, *kept = event.suites
    assert moved.paired[0].gained == 4
    assert moved.paired[0].low > 0
    assert all(suite.suite == f"moved/praised-{JOB}" for suite in kept)
    assert all(suite.paired[0].lost == 0 for suite in kept)


async def test_without_a_correction_nothing_can_show_a_gain(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    job = await job_of(sessions, rollout("candidate", POLICY), moved=0, praised=12)

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert event.error == "no answer of the holdout was corrected: nothing can show a gain"
    assert inference.asked == []


async def test_who_takes_over_asks_nothing_twice(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    def cut_off(request: pb.GenerateRequest) -> str:
        if len(inference.asked) >= 3:
            raise Unavailable("gone")
        return reply(request)

    inference.reply = cut_off
    first = await job_of(sessions, rollout("candidate", POLICY))
    with pytest.raises(Unavailable):
        await evaluator.do(first)
    inference.reply = reply
    second = await claimed(sessions)

    await evaluator.do(second)
    with pytest.raises(LostLease):
        await evaluator.do(first)

    [(_, event)] = await published(sessions)
    assert [one.items for one in event.suites[0].subjects] == [2, 2, 2]
    ids = [metadata["gyre-request-id"] for metadata, _ in inference.asked]
    assert len(set(ids)) == 8  # what was asked again is the same request: inference knows it


async def test_a_suite_that_is_replaced_meanwhile_is_asked_anew(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    def cut_off(request: pb.GenerateRequest) -> str:
        if len(inference.asked) >= 3:
            raise Unavailable("gone")
        return reply(request)

    inference.reply = cut_off
    first = await job_of(sessions, rollout("candidate", POLICY), moved=2)
    with pytest.raises(Unavailable):
        await evaluator.do(first)
    async with transaction(sessions) as session:
        [replaced] = suites_of(JOB, "default", [example(), example()])
        await store.put_suite(session, "acme", replaced)
    inference.reply = reply

    await evaluator.do(await claimed(sessions))

    [(_, event)] = await published(sessions)
    assert event.suites[0].suite_digest == replaced.digest
    assert [one.items for one in event.suites[0].subjects] == [2, 2, 2]


@pytest.mark.parametrize("table_first", [True, False])
async def test_a_prompt_that_is_changed_meanwhile_begins_the_comparison_anew(
    evaluator: Evaluator,
    sessions: Sessions,
    inference: FakeInference,
    rollouts: Table[RolloutChanged],
    table_first: bool,
) -> None:
    """Or the candidate would have answered to one prompt, and production to another."""

    def change(request: pb.GenerateRequest) -> str:
        if request.adapter == "base":  # the candidate has been asked
            inference.prompt = "c" * 64
            if table_first:
                put(rollouts, "acme", changed)
        return reply(request)

    wanted = rollout("candidate", Policy(release=ReleasePolicy(suites=())))
    prompt = Prompt(digest="c" * 64, text="Be kind.")
    arms = tuple(arm.model_copy(update={"prompt": prompt}) for arm in wanted.arms)
    changed = wanted.model_copy(update={"revision": 4, "arms": arms})
    put(rollouts, "acme", wanted)
    inference.prompt, inference.reply = DIGEST, change
    job = await job_of(sessions, wanted)
    for _ in range(1 if table_first else 2):
        with pytest.raises(Unavailable, match="another prompt by now"):
            await evaluator.do(job)
    put(rollouts, "acme", changed)
    inference.asked.clear()

    await evaluator.do(job)

    assert [request.adapter for _, request in inference.asked].count(CANDIDATE) == 5
    [(_, event)] = await published(sessions)
    assert [one.passed for one in event.suites[0].subjects] == [5, 0, 0]


async def test_it_waits_for_the_moved_suite_until_the_rollout_is_over(
    evaluator: Evaluator,
    sessions: Sessions,
    inference: FakeInference,
    rollouts: Table[RolloutChanged],
) -> None:
    wanted = rollout("candidate", POLICY)
    job = await job_of(sessions, wanted, moved=0)
    put(rollouts, "acme", wanted)

    with pytest.raises(Unavailable, match=r"moved/.* is not there yet"):
        await evaluator.do(job)

    assert await published(sessions) == []
    put(rollouts, "acme", rollout(revision=4))

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert event.error.endswith("is not there, and the route wants another rollout")
    assert inference.asked == []


async def test_what_no_attempt_mends_is_said(evaluator: Evaluator, sessions: Sessions) -> None:
    policy = Policy(release=ReleasePolicy(suites=("nobody-wrote-it",)))
    job = await job_of(sessions, rollout("candidate", policy))

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert "'nobody-wrote-it', and there is none" in event.error
    assert event.suites == ()


def loaded(wanted: RolloutChanged, **changes: Any) -> AdapterLoaded:
    fields: dict[str, Any] = {
        "route": "default",
        "revision": wanted.revision,
        "rollout_id": wanted.rollout_id,
        "adapter_digest": CANDIDATE,
        "replica": "one",
        "outcome": "loaded",
        "decided_at": now(),
    }
    return AdapterLoaded(**fields | changes)


async def jobs(sessions: Sessions) -> list[str]:
    async with snapshot(sessions) as session:
        query = select(Evaluation.tenant).order_by(col(Evaluation.tenant))
        return list((await session.exec(query)).all())


async def test_two_replicas_that_load_it_make_one_job(
    send: Send, sessions: Sessions, rollouts: Table[RolloutChanged]
) -> None:
    wanted = rollout("candidate")
    put(rollouts, "acme", wanted)

    await send(loaded(wanted))
    await send(loaded(wanted, replica="two"))

    assert await jobs(sessions) == ["acme"]


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("steady", {}),
        ("canary", {}),
        ("candidate", {"outcome": "refused", "reason": "damaged"}),
        ("candidate", {"rollout_id": uuid4()}),
        ("candidate", {"adapter_digest": "c" * 64}),
    ],
)
async def test_nothing_else_makes_one(
    send: Send,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    stage: str,
    changes: dict[str, Any],
) -> None:
    wanted = rollout(stage)
    put(rollouts, "acme", wanted)
    put(rollouts, "umbrella", rollout("candidate"))

    await send(loaded(wanted, **changes))

    assert await jobs(sessions) == []


async def test_it_waits_until_the_table_has_read_as_far(
    send: Send, sessions: Sessions, rollouts: Table[RolloutChanged]
) -> None:
    wanted = rollout("candidate")
    put(rollouts, "acme", rollout(revision=2))

    with pytest.raises(Unavailable, match="revision 3 of route default is not read yet"):
        await send(loaded(wanted))

    put(rollouts, "acme", wanted)
    await send(loaded(wanted))
    assert await jobs(sessions) == ["acme"]
