"""What cannot be heard says nothing about a candidate, and is waited for while it is wanted."""

import pytest

from gyre_evaluation.evaluating import Evaluator
from gyre_events import Policy, ReleasePolicy, RolloutChanged
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions
from gyre_service.errors import Conflict, NotFound, Unavailable
from gyre_service.kafka import Table

from .conftest import CANDIDATE, put, rollout
from .inference import FakeInference
from .jobs import POLICY, claimed, job_of, published, reply


@pytest.fixture
def inference() -> FakeInference:
    return FakeInference(reply=reply)


async def test_a_model_that_is_away_is_waited_for(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    def away(request: pb.GenerateRequest) -> str:
        raise Unavailable("not loaded")

    inference.reply = away
    job = await job_of(sessions, rollout("candidate", POLICY))

    with pytest.raises(Unavailable, match="not loaded"):
        await evaluator.do(job)

    assert await published(sessions) == []


async def test_an_adapter_that_is_not_known_yet_is_waited_for_until_the_rollout_is_over(
    evaluator: Evaluator,
    sessions: Sessions,
    inference: FakeInference,
    rollouts: Table[RolloutChanged],
) -> None:
    def gone(request: pb.GenerateRequest) -> str:
        raise NotFound("no such adapter here")

    inference.reply = gone
    wanted = rollout("candidate", POLICY)
    job = await job_of(sessions, wanted)
    for row in (None, rollout(revision=2), wanted):  # not read, behind, current
        if row is not None:
            put(rollouts, "acme", row)
        with pytest.raises(Unavailable, match="no such adapter here"):
            await evaluator.do(job)
    assert await published(sessions) == []
    put(rollouts, "acme", rollout(revision=4))

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert "no such adapter here" in event.error


async def test_an_item_that_one_subject_gave_no_answer_to_is_nobodys(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    lost: set[str] = set()

    def fail_one(request: pb.GenerateRequest) -> str:
        lost.update([request.conversation_id] if not lost else [])
        if request.adapter == "base" and request.conversation_id in lost:
            raise ZeroDivisionError
        return reply(request)

    inference.reply = fail_one
    policy = Policy(release=ReleasePolicy(suites=()))
    job = await job_of(sessions, rollout("candidate", policy), moved=12)

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    [moved] = event.suites
    assert moved.unanswered == 1
    assert [(one.passed, one.items) for one in moved.subjects] == [(11, 11), (0, 11), (0, 11)]
    assert [(pair.gained, pair.lost) for pair in moved.paired] == [(11, 0), (11, 0)]
    asked = [request.adapter for _, request in inference.asked if request.conversation_id in lost]
    assert asked == [CANDIDATE, "base", "base", "base"]


async def test_a_bad_hour_of_the_engine_is_waited_for(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    def fail(request: pb.GenerateRequest) -> str:
        if request.adapter == CANDIDATE:
            raise ZeroDivisionError
        return reply(request)

    inference.reply = fail
    first = await job_of(sessions, rollout("candidate", POLICY))
    with pytest.raises(Unavailable, match="0 of 2 items have an answer of everybody"):
        await evaluator.do(first)
    inference.reply = reply

    await evaluator.do(await claimed(sessions))

    [(_, event)] = await published(sessions)
    assert [one.passed for one in event.suites[0].subjects] == [2, 0, 0]
    assert event.suites[0].unanswered == 0


async def test_a_bad_hour_ends_with_its_rollout(
    evaluator: Evaluator,
    sessions: Sessions,
    inference: FakeInference,
    rollouts: Table[RolloutChanged],
) -> None:
    def fail(request: pb.GenerateRequest) -> str:
        raise ZeroDivisionError

    inference.reply = fail
    job = await job_of(sessions, rollout("candidate", POLICY))
    put(rollouts, "acme", rollout(revision=4))

    await evaluator.do(job)

    [(_, event)] = await published(sessions)
    assert "0 of 2 items have an answer of everybody, and the route wants another" in event.error


async def test_an_attempt_that_is_still_running_says_nothing_about_the_candidate(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference
) -> None:
    """As after a kill -9 of inference: its claims on the request ids outlive it."""

    def busy(request: pb.GenerateRequest) -> str:
        raise Conflict("another attempt with this id is running")

    inference.reply = busy
    first = await job_of(sessions, rollout("candidate", POLICY))
    with pytest.raises(Conflict):
        await evaluator.do(first)
    inference.reply = reply

    await evaluator.do(await claimed(sessions))

    [(_, event)] = await published(sessions)
    assert [one.passed for one in event.suites[0].subjects] == [2, 0, 0]
