"""The loop seen and steered from outside: baselines, drift, jobs, rollouts, lineage."""

from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from faststream.kafka import KafkaBroker

from gyre_events import (
    AdapterTrained,
    Base,
    Dataset,
    DatasetFrozen,
    DriftDetected,
    Event,
    RemedyRequested,
    RemedyReviewed,
    RetrainingRequested,
    TrainingFailed,
    TrainingPolicy,
    TrainingProgressed,
)

from . import events
from .conftest import ACME, Stack, error_of
from .test_handlers import broker, kinds

__all__ = ["broker"]
JOB = UUID(int=7)
ADAPTER = "b" * 64
ROLLOUT = str(UUID(int=8))
NEXT = events.at(1)


async def test_past_questions_go_to_the_encoder_under_ids_of_their_own(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    body = {"route": "hr", "questions": ["How long?", "How wide?"]}
    same = {"Idempotency-Key": "once"}

    answer = await http.post("/v1/baselines", json=body, headers=same)
    await http.post("/v1/baselines", json=body, headers=same)
    await http.post("/v1/baselines", json=body)

    assert answer.json() == {"object": "baseline", "route": "hr", "accepted": 2}
    first, second, third = stack.retrieval.observed
    assert [(one.route, one.question) for one in first] == [
        ("hr", "How long?"),
        ("hr", "How wide?"),
    ]
    ids = [[one.answer_id for one in call] for call in (first, second, third)]
    assert ids[0] == ids[1] != ids[2]
    assert len(set(ids[0])) == 2
    assert stack.retrieval.purposes == ["baseline"] * 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"questions": []},
        {"questions": [""]},
        {"questions": ["x"] * 257},
        {"questions": ["x"], "route": "A b"},
        {"questions": "x"},
    ],
)
async def test_what_is_no_baseline_is_refused(
    http: httpx.AsyncClient, stack: Stack, body: dict[str, Any]
) -> None:
    response = await http.post("/v1/baselines", json=body)
    assert response.status_code == 400
    assert error_of(response)["param"] in ("questions", "route", "questions[0]")
    assert stack.retrieval.observed == []


async def test_drift_shows_each_statistic_against_its_threshold(http: httpx.AsyncClient) -> None:
    (stream,) = (await http.get("/v1/drift", params={"route": "default"})).json()["streams"]
    assert (stream["route"], stream["state"], stream["events"]) == ("default", "watching", 300)
    (detector,) = stream["detectors"]
    assert (detector["name"], detector["statistic"], detector["threshold"]) == ("novelty", 2, 50)
    assert detector["history"] == [1, 2]
    assert [(one["before"], one["now"]) for one in stream["clusters"]] == [(0.9, 0.5), (0.1, 0.5)]
    assert (stream["cause"], stream["attacked"]) == ("input", False)
    assert (await http.get("/v1/drift", headers=ACME)).json()["streams"] == []


async def test_alarms_are_listed_once_for_their_tenant(
    broker: KafkaBroker, http: httpx.AsyncClient, stack: Stack
) -> None:
    alarm = DriftDetected(
        drift_id=uuid4(),
        route="default",
        family="input",
        detector="novelty",
        statistic=60,
        threshold=50,
        events=310,
        onset=events.START,
        decided_at=NEXT,
    )
    for _ in range(2):
        await events.send(broker, alarm)

    (shown,) = (await http.get("/v1/drifts")).json()["data"]
    assert (shown["drift_id"], shown["statistic"]) == (str(alarm.drift_id), 60)
    assert (await http.get("/v1/drifts", headers=ACME)).json()["data"] == []
    assert (await http.get("/v1/drifts", params={"route": "hr"})).json()["data"] == []
    assert await kinds(stack.sessions) == ["drift"]


def remedy(**changes: Any) -> RemedyRequested:
    fields: dict[str, Any] = {
        "remedy_id": UUID(int=5),
        "route": "default",
        "cause": "knowledge",
        "remedy": "documents-wanted",
        "reason": "retrieval (found) has moved",
        "collection": "default",
        "since": events.START,
        "decided_at": events.START,
    }
    return RemedyRequested(**fields | changes)


async def test_a_proposed_remedy_is_reviewed_once_and_no_other(
    broker: KafkaBroker, http: httpx.AsyncClient, stack: Stack
) -> None:
    path = f"/v1/remedies/{UUID(int=5)}"
    missing = await http.post(f"{path}/approve")
    assert missing.status_code == 404
    await events.send(broker, remedy(state="proposed"))
    assert (await http.post(f"{path}/approve", headers=ACME)).status_code == 404

    for act in ("approve", "refuse"):
        assert (await http.post(f"{path}/{act}", json={"reason": "go on"})).status_code == 202
    (first, _, id, _), (_, _, same, _) = stack.kafka.sent
    assert isinstance(first, RemedyReviewed)
    assert (first.approved, first.reason, id) == (True, "go on", same)

    await events.send(broker, remedy(state="approved"))
    answer = await http.post(f"{path}/refuse")
    assert answer.status_code == 400
    assert "is approved" in answer.json()["error"]["message"]


async def test_of_a_remedy_the_furthest_state_is_shown_in_whatever_order_they_come(
    broker: KafkaBroker, http: httpx.AsyncClient, stack: Stack
) -> None:
    held = remedy(state="held", reason="cooldown")
    later = remedy(state="held", reason="budget", decided_at=NEXT)
    for event in (held, later, held, remedy(), held, later, remedy()):
        await events.send(broker, event)

    (shown,) = (await http.get("/v1/remedies")).json()["data"]
    assert (shown["state"], shown["remedy"]) == ("decided", "documents-wanted")
    assert (await http.get("/v1/remedies", headers=ACME)).json()["data"] == []
    assert (await http.get("/v1/remedies", params={"route": "hr"})).json()["data"] == []
    assert await kinds(stack.sessions) == ["remedy"] * 3


async def test_what_waits_for_a_person_can_be_asked_for(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    await events.send(broker, remedy(state="proposed"))
    for number in range(10, 13):
        await events.send(broker, remedy(remedy_id=UUID(int=number), decided_at=NEXT))

    newest = await http.get("/v1/remedies", params={"limit": 2})
    waiting = await http.get("/v1/remedies", params={"limit": 2, "state": "proposed"})

    assert [one["state"] for one in newest.json()["data"]] == ["decided", "decided"]
    assert [one["remedy_id"] for one in waiting.json()["data"]] == [str(UUID(int=5))]


def training() -> list[Event]:
    part = Dataset(digest="c" * 64, examples=9)
    base = Base(name="reference", digest="1" * 64)
    request = RetrainingRequested(
        job_id=JOB,
        route="default",
        drift_ids=(UUID(int=1),),
        reason="novelty",
        base=base,
        training=TrainingPolicy(),
        since=events.START,
        data_deadline=NEXT,
        decided_at=events.START,
    )
    frozen = DatasetFrozen(
        job_id=JOB, route="default", train=part, holdout=part, replay=part, decided_at=NEXT
    )
    done = AdapterTrained(
        job_id=JOB,
        route="default",
        base=base,
        adapter_digest=ADAPTER,
        adapter_uri="/adapters/b",
        train="c" * 64,
        replay="c" * 64,
        examples=9,
        steps=20,
        loss=0.5,
        seconds=12,
        seed=0,
        decided_at=NEXT,
    )
    return [request, frozen, progress(10, 0.9), done]


def progress(step: int, loss: float, attempt: int = 1) -> TrainingProgressed:
    return TrainingProgressed(
        job_id=JOB,
        route="default",
        attempt=attempt,
        step=step,
        steps=20,
        loss=loss,
        learning_rate=1e-4,
        tokens=100 * step,
        elapsed_s=step,
    )


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
async def test_a_job_ends_alike_whatever_the_order_of_its_topics(
    broker: KafkaBroker, http: httpx.AsyncClient, order: tuple[int, ...]
) -> None:
    parts = training()
    for number in order:
        for _ in range(2):
            await events.send(broker, parts[number])

    (job,) = (await http.get("/v1/jobs")).json()["data"]
    assert job == (await http.get(f"/v1/jobs/{JOB}")).json()
    assert (job["id"], job["state"], job["reason"]) == (str(JOB), "trained", "novelty")
    assert (job["step"], job["steps"], job["losses"]) == (10, 20, [[10, 0.9]])
    assert (job["adapter_digest"], job["seconds"]) == (ADAPTER, 12)
    assert job["dataset"]["train"] == {"digest": "c" * 64, "examples": 9}
    assert job["drift_ids"] == [str(UUID(int=1))]
    response = await http.get(f"/v1/jobs/{JOB}", headers=ACME)
    assert (response.status_code, (await http.get(f"/v1/jobs/{uuid4()}")).status_code) == (404, 404)


async def test_the_curve_goes_back_where_another_runner_took_over(
    broker: KafkaBroker, http: httpx.AsyncClient, stack: Stack
) -> None:
    for point in (progress(1, 3), progress(2, 2), progress(3, 1), progress(2, 2)):
        await events.send(broker, point)
    await events.send(broker, progress(2, 1.9, attempt=2))
    await events.send(broker, progress(3, 0.9))  # late, of the dead one

    job = (await http.get(f"/v1/jobs/{JOB}")).json()
    assert (job["state"], job["losses"]) == ("training", [[1, 3], [2, 1.9]])
    assert await kinds(stack.sessions) == ["job"] * 4


async def test_a_failed_job_says_why(broker: KafkaBroker, http: httpx.AsyncClient) -> None:
    failed = TrainingFailed(job_id=JOB, route="default", reason="too few examples", decided_at=NEXT)
    await events.send(broker, failed)
    job = (await http.get(f"/v1/jobs/{JOB}")).json()
    assert (job["state"], job["failure"]) == ("failed", "too few examples")


async def test_rollouts_are_listed_with_evidence_and_gate(http: httpx.AsyncClient) -> None:
    (shown,) = (await http.get("/v1/rollouts")).json()["data"]
    assert (shown["id"], shown["stage"], shown["share"]) == (ROLLOUT, "canary", 1000)
    assert shown["gate"] == {"suites": []}
    assert shown["evidence"][0]["answers"] == 12
    assert (await http.get("/v1/rollouts", headers=ACME)).json()["data"] == []


@pytest.mark.parametrize("act", ["promote", "rollback"])
async def test_a_person_may_decide(http: httpx.AsyncClient, stack: Stack, act: str) -> None:
    by_id = await http.post(f"/v1/rollouts/{ROLLOUT}/{act}", json={"reason": "seen enough"})
    by_route = await http.post(f"/v1/routes/default/{act}")

    assert (by_id.status_code, by_route.status_code) == (200, 200)
    first, second = stack.registry.decided
    assert (first.rollout_id, first.by, first.reason) == (ROLLOUT, "operator", "seen enough")
    assert (second.route, second.rollout_id, second.reason) == ("default", "", "")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/rollouts/1/promote", {}, 400),
        ("/v1/routes/A b/rollback", {}, 400),
        (f"/v1/rollouts/{ROLLOUT}/rollback", {"reason": 1}, 400),
        (f"/v1/rollouts/{uuid4()}/rollback", {}, 404),
    ],
)
async def test_what_cannot_be_decided(
    http: httpx.AsyncClient, stack: Stack, path: str, body: dict[str, Any], status: int
) -> None:
    response = await http.post(path, json=body)
    assert response.status_code == status
    assert error_of(response)["message"]


async def test_lineage_is_the_registrys(http: httpx.AsyncClient) -> None:
    found = await http.get(f"/v1/answers/chatcmpl-{events.ANSWER}/lineage")
    assert found.json() == {"answer": {"id": str(events.ANSWER)}, "drift": None}
    assert (await http.get(f"/v1/answers/{uuid4()}/lineage")).status_code == 404


@pytest.mark.parametrize("alias", ["base", "candidate", "0123abcd"])
async def test_a_model_may_be_pinned(http: httpx.AsyncClient, stack: Stack, alias: str) -> None:
    question = [{"role": "user", "content": "Where is the key?"}]
    body = {"model": f"gyre/default@{alias}", "messages": question}

    answer = await http.post("/v1/chat/completions", json=body)

    assert stack.inference.asked[0].adapter == alias
    gyre = answer.json()["gyre"]
    assert (gyre["arm"], gyre["adapter"]) == ("production", None)
    assert answer.headers["gyre-adapter"] == "base"
    wrong = body | {"model": "gyre/default@"}
    assert (await http.post("/v1/chat/completions", json=wrong)).status_code == 404
