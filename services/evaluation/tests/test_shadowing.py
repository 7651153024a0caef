"""While a canary lasts, the candidate is asked what people asked production, unseen."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from gyre_evaluation.run import NoAnswer
from gyre_evaluation.settings import Settings
from gyre_evaluation.shadowing import Shadower
from gyre_evaluation.work import DONE, Shadow
from gyre_events import Policy, Purpose, ReleasePolicy, RolloutChanged
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Rejected, Unavailable
from gyre_service.jobs import claim
from gyre_service.kafka import Table

from .conftest import CANDIDATE, Published, Send, answer, put, rollout
from .inference import FakeInference, answering

ALL = Policy(release=ReleasePolicy(shadow=1))


async def shadows(sessions: Sessions) -> list[Shadow]:
    async with snapshot(sessions) as session:
        return list((await session.exec(select(Shadow))).all())


@pytest.fixture
def inference() -> FakeInference:
    return FakeInference()


@pytest.fixture
async def shadower(
    settings: Settings,
    sessions: Sessions,
    inference: FakeInference,
    rollouts: Table[RolloutChanged],
) -> AsyncIterator[Shadower]:
    async with answering(inference) as channel:
        yield Shadower(settings, sessions, channel, rollouts.get)


async def test_a_live_question_is_asked_again_with_what_production_saw(
    send: Send,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    shadower: Shadower,
    inference: FakeInference,
    published: list[Published],
) -> None:
    put(rollouts, "acme", rollout("canary", ALL))
    live = answer()
    await send(live)
    await send(live)  # redelivered
    assert len(published) == 2  # scored as ever

    [row] = await shadows(sessions)
    job = await claim(sessions, Shadow, 15)
    assert job is not None
    await shadower.do(job)

    [(metadata, request)] = inference.asked
    assert (metadata["gyre-purpose"], metadata["gyre-tenant"]) == ("shadow", "acme")
    assert metadata["gyre-request-id"] == str(row.job_id)
    assert (request.adapter, request.retrieval) == (CANDIDATE, pb.RETRIEVAL_GIVEN)
    assert request.messages[0].content == live.question
    assert request.conversation_id == str(live.conversation_id)
    assert [one.text for one in request.evidence] == [one.text for one in live.passages]
    assert row.answer["question"] == live.question
    await send(live)  # once more
    [done] = await shadows(sessions)
    assert (done.state, done.answer) == (DONE, {})


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.LIVE])
async def test_only_what_people_asked_is(
    send: Send, sessions: Sessions, rollouts: Table[RolloutChanged], purpose: Purpose
) -> None:
    put(rollouts, "acme", rollout("canary", ALL))
    await send(answer(purpose=purpose))
    assert await shadows(sessions) == []


@pytest.mark.parametrize(
    ("stage", "share", "changes"),
    [
        ("steady", 1, {}),
        ("candidate", 1, {}),
        ("canary", 0, {}),
        ("canary", 1, {"arm": "candidate"}),
        ("canary", 1, {"passages": (), "cited": ()}),
        ("canary", 1, {"route": "other"}),
        ("canary", 1, {"alone": False}),  # as "And for how long?"
        ("canary", 1, {"seed": 7}),
        ("canary", 1, {"choices": 2}),
    ],
)
async def test_when_there_is_no_shadow(
    send: Send,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    stage: str,
    share: float,
    changes: dict[str, Any],
) -> None:
    policy = Policy(release=ReleasePolicy(shadow=share))
    put(rollouts, "acme", rollout(stage, policy))
    put(rollouts, "umbrella", rollout("canary", ALL))
    await send(answer(**changes))
    assert await shadows(sessions) == []


async def test_what_is_said_to_stand_alone_does(
    send: Send, sessions: Sessions, rollouts: Table[RolloutChanged]
) -> None:
    put(rollouts, "acme", rollout("canary", ALL))
    await send(answer(alone=True, seed=7))
    assert len(await shadows(sessions)) == 1


async def test_a_share_of_them_is_asked(
    send: Send, sessions: Sessions, rollouts: Table[RolloutChanged]
) -> None:
    put(rollouts, "acme", rollout("canary", Policy(release=ReleasePolicy(shadow=0.5))))
    for _ in range(40):
        await send(answer())
    assert 5 < len(await shadows(sessions)) < 35


async def test_after_the_rollout_nobody_is_asked(
    send: Send,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    shadower: Shadower,
    inference: FakeInference,
) -> None:
    put(rollouts, "acme", rollout("canary", ALL))
    await send(answer())
    put(rollouts, "acme", rollout(rollout_id=uuid4()))
    job = await claim(sessions, Shadow, 15)
    assert job is not None

    await shadower.do(job)

    assert inference.asked == []
    assert [one.state for one in await shadows(sessions)] == [DONE]


async def test_what_nobody_answers_is_given_up(
    send: Send,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    shadower: Shadower,
    inference: FakeInference,
) -> None:
    def fail(request: pb.GenerateRequest) -> str:
        raise ZeroDivisionError

    put(rollouts, "acme", rollout("canary", ALL))
    await send(answer())
    inference.reply = fail
    for _ in range(2):
        job = await claim(sessions, Shadow, 0.0)
        assert job is not None
        with pytest.raises(NoAnswer):
            await shadower.do(job)
    last = await claim(sessions, Shadow, 0.0)
    assert last is not None

    await shadower.do(last)

    assert [one.state for one in await shadows(sessions)] == [DONE]


@pytest.mark.parametrize(("error", "state"), [(Rejected, DONE), (Unavailable, "running")])
async def test_what_is_refused_is_over_and_what_is_away_is_waited_for(
    send: Send,
    sessions: Sessions,
    rollouts: Table[RolloutChanged],
    shadower: Shadower,
    inference: FakeInference,
    error: type[Exception],
    state: str,
) -> None:
    def fail(request: pb.GenerateRequest) -> str:
        raise error("no")

    put(rollouts, "acme", rollout("canary", ALL))
    await send(answer())
    inference.reply = fail
    job = await claim(sessions, Shadow, 15)
    assert job is not None

    if error is Unavailable:
        with pytest.raises(Unavailable):
            await shadower.do(job)
    else:
        await shadower.do(job)

    assert [one.state for one in await shadows(sessions)] == [state]
