from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from faststream.kafka import KafkaBroker, TestKafkaBroker
from sqlmodel import delete

from gyre_events import Event
from gyre_gateway.handlers import router
from gyre_gateway.people import pseudonym
from gyre_gateway.store import changes, documents
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.kafka import Broker

from . import events
from .conftest import ACME, Stack, error_of


@pytest.fixture
async def broker(stack: Stack) -> AsyncIterator[KafkaBroker]:
    broker = Broker(stack.gateway.settings)
    broker.include_router(router)
    broker.context.set_global("sessions", stack.sessions)
    async with TestKafkaBroker(broker) as running:
        yield running


async def kinds(sessions: Sessions) -> list[str]:
    async with snapshot(sessions) as session:
        return [row.kind for row in await changes.since(session, 0, 100)]


async def test_an_answer_has_its_passages_scores_and_verdicts_in_whatever_order(
    broker: KafkaBroker, http: httpx.AsyncClient, stack: Stack
) -> None:
    feedback_id = uuid4()
    for event in (events.verdict(feedback_id), events.scored(0.5), events.generated()):
        await events.send(broker, event)
        await events.send(broker, event)  # redelivered

    shown = (await http.get(f"/v1/answers/{events.ANSWER}")).json()

    assert (shown["id"], shown["question"]) == (str(events.ANSWER), "Where is the key?")
    assert shown["created_at"] == "2026-01-01T00:00:00+00:00"
    assert [(p["number"], p["cited"], p["document"]) for p in shown["passages"]] == [
        (1, True, "keys.md"),
        (2, False, "keys.md"),
    ]
    assert shown["scores"] == [
        {
            "judge": "rules",
            "name": "faithfulness",
            "value": 0.5,
            "label": "good",
            "explanation": "",
        }
    ]
    (said,) = shown["verdicts"]
    assert said["feedback_id"] == str(feedback_id)
    assert (said["by"], said["thumb"], said["edited_answer"]) == ("ada", "down", "Gone.")
    assert await kinds(stack.sessions) == ["verdict", "score", "answer"]


async def test_the_newest_score_of_a_judge_counts(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    await events.send(broker, events.generated())
    for value, minute in [(0.25, 1), (0.75, 2), (0.5, 1)]:
        await events.send(broker, events.scored(value), minute)
    await events.send(broker, events.scored(1, "a model"))

    shown = (await http.get("/v1/answers")).json()["data"][0]["scores"]

    assert [(one["judge"], one["value"]) for one in shown] == [("a model", 1), ("rules", 0.75)]


async def test_answers_are_found_by_route_person_and_conversation(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    ada = pseudonym("ada", "default", "embedded")
    more: list[dict[str, Any]] = [{}, {"route": "support"}, {"person": ada}, {"purpose": "suite"}]
    ids = [UUID(int=number) for number in range(4)]
    for minute, (id, fields) in enumerate(zip(ids, more, strict=True)):
        await events.send(broker, events.generated(id, **fields), minute)

    async def found(**query: Any) -> list[int]:
        body = (await http.get("/v1/answers", params=query)).json()
        return [UUID(one["id"]).int for one in body["data"]]

    assert await found() == [2, 1, 0]
    assert await found(limit=1) == [2]
    assert await found(limit=2, after=str(ids[2])) == [1, 0]
    assert await found(route="support") == [1]
    assert await found(person="ada") == await found(person=ada) == [2]
    assert await found(person="grace") == []
    assert await found(purpose="suite") == [3]
    assert await found(conversation_id=str(events.CONVERSATION)) == [2, 1, 0]
    assert (await http.get("/v1/answers", params={"limit": 0})).status_code == 400


async def test_tenants_do_not_see_each_others_answers(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    await events.send(broker, events.generated())
    await events.send(broker, events.scored())
    await events.send(broker, events.curated(1))
    await events.send(broker, events.generated(answer="Elsewhere."), tenant="acme")

    url = f"/v1/answers/{events.ANSWER}"
    theirs = (await http.get(url, headers=ACME)).json()
    assert (theirs["answer"], theirs["scores"]) == ("Elsewhere.", [])
    assert len((await http.get("/v1/answers", headers=ACME)).json()["data"]) == 1
    assert (await http.get("/v1/datasets", headers=ACME)).json()["data"] == []
    assert (await http.get("/v1/datasets/default", headers=ACME)).status_code == 404


async def test_an_unknown_answer_is_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/v1/answers/{uuid4()}")).status_code == 404
    wrong = await http.get("/v1/answers/17")
    assert (wrong.status_code, error_of(wrong)["param"]) == (400, "answer_id")


async def test_a_dataset_is_its_newest_version_with_every_example_once(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    for minute, number in enumerate([1, 2, 3, 2, 1]):
        await events.send(broker, events.curated(number), minute)
    await events.send(broker, events.curated(1, "support"), tenant="acme")

    (dataset,) = (await http.get("/v1/datasets")).json()["data"]
    assert (dataset["route"], dataset["digest"], dataset["examples"]) == ("default", "3" * 64, 3)
    whole = (await http.get("/v1/datasets/default", params={"limit": 2})).json()
    assert [UUID(one["example_id"]).int for one in whole["data"]] == [1, 2]
    assert whole["has_more"] is True
    assert whole["data"][0]["passages"][0]["document"] == "keys.md"
    rest = (await http.get("/v1/datasets/default", params={"offset": 2})).json()
    assert [UUID(one["example_id"]).int for one in rest["data"]] == [3]
    assert (await http.get("/v1/datasets/support")).status_code == 404


async def test_a_withdrawn_example_stays_away_whatever_the_order(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    praised = events.curated(1, kind="praised")
    gone = events.curated(1, kind="withdrawn", version=2, dataset="0" * 64, examples=0)
    for event in (gone, praised, gone):
        await events.send(broker, event)

    whole = (await http.get("/v1/datasets/default")).json()

    assert (whole["digest"], whole["examples"], whole["data"]) == ("0" * 64, 0, [])


async def test_an_example_is_what_its_newest_version_says_whatever_comes_late(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    praised = events.curated(1)
    edited = praised.model_copy(update={"version": 2, "answer": "Behind the door."})
    withdrawn = praised.model_copy(update={"version": 3, "kind": "withdrawn", "examples": 0})
    for event, answers in [
        (praised, ["Gone."]),
        (edited, ["Behind the door."]),
        (praised, ["Behind the door."]),
        (withdrawn, []),
        (edited, []),
    ]:
        await events.send(broker, event)
        whole = (await http.get("/v1/datasets/default")).json()
        assert [one["answer"] for one in whole["data"]] == answers
    assert (whole["version"], whole["examples"]) == (3, 0)


A, B = "a" * 64, "b" * 64
VERSIONS: list[tuple[Event, int]] = [
    (events.submitted(A), 1),
    (events.indexed(A, 1), 1),
    (events.submitted(B), 2),
    (events.indexed(B, 2), 2),
]
FAILED: list[tuple[Event, int]] = [*VERSIONS[:3], (events.rejected(B), 2)]
REMOVED: list[tuple[Event, int]] = [*VERSIONS[:2], (events.removed(), 3)]
AGAIN: list[tuple[Event, int]] = [*VERSIONS[:2], (events.submitted(A), 5)]

HTML = events.submitted(A, "text/html")
UNREADABLE: list[tuple[Event, int]] = [*VERSIONS[:2], (HTML, 2), (events.rejected(A), 2)]


@pytest.mark.parametrize(
    ("story", "status", "version"),
    [
        (VERSIONS, "indexed", 2),
        (FAILED, "rejected", 1),
        (REMOVED, "removed", None),
        (AGAIN, "indexed", 1),
        (UNREADABLE, "rejected", 1),
    ],
    ids=[
        "two versions",
        "the second is rejected",
        "removed",
        "the same bytes again",
        "the same bytes as another type are rejected",
    ],
)
async def test_a_document_ends_alike_whatever_the_order_of_its_topics(
    broker: KafkaBroker,
    http: httpx.AsyncClient,
    stack: Stack,
    story: list[tuple[Event, int]],
    status: str,
    version: int | None,
) -> None:
    for order in permutations(story):
        async with transaction(stack.sessions) as session:
            await session.exec(delete(documents.Document))
        for event, minute in order:
            await events.send(broker, event, minute)
        await events.send(broker, *order[0])  # redelivered, late

        shown = (await http.get(f"/v1/documents/{events.DOCUMENT}")).json()

        assert (shown["status"], shown["version"]) == (status, version), order
        assert shown["chunks"] == (version or 0) * 2
        assert shown["reason"] == ("no text in it" if status == "rejected" else None)


async def test_the_same_bytes_of_another_media_type_wait_for_their_answer(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    for event, minute, status in [
        *((event, minute, event.topic.removeprefix("document-")) for event, minute in UNREADABLE),
        (events.submitted(A), 3, "indexed"),  # nobody answers: search has it
        (HTML, 4, "submitted"),
        (events.indexed(A, 2), 4, "indexed"),
        (HTML, 5, "indexed"),
        (events.submitted(A), 6, "submitted"),
    ]:
        await events.send(broker, event, minute)
        shown = (await http.get(f"/v1/documents/{events.DOCUMENT}")).json()
        assert shown["status"] == status, (event, minute)


async def test_a_correction_that_is_taken_back_is_not_waited_for(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    """The second came before the first was answered."""
    for event, minute in [
        (events.submitted(A), 1),
        (HTML, 2),
        (events.indexed(A), 1),
        (events.submitted(A), 3),
        (events.rejected(A), 2),
    ]:
        await events.send(broker, event, minute)

    shown = (await http.get(f"/v1/documents/{events.DOCUMENT}")).json()
    assert (shown["status"], shown["media_type"]) == ("indexed", "text/markdown")


async def test_a_media_type_is_of_the_submission_that_was_answered(
    broker: KafkaBroker, http: httpx.AsyncClient
) -> None:
    for event, minute in [
        (events.indexed(A, 2), 2),
        (events.submitted(A), 1),
        (events.indexed(A, 2), 2),
        (HTML, 2),
        (HTML, 3),
    ]:
        await events.send(broker, event, minute)

    shown = (await http.get(f"/v1/documents/{events.DOCUMENT}")).json()
    assert (shown["status"], shown["media_type"]) == ("indexed", "text/html")


async def test_a_record_that_is_no_event_is_parked_and_the_next_is_read(
    broker: KafkaBroker, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked: list[str] = []

    async def park(record: Any, error: BaseException, **_: Any) -> None:
        parked.append(record.topic)

    assert isinstance(broker, Broker)
    monkeypatch.setattr(broker.dead_letters, "park", park)
    await events.send(broker, events.generated().model_copy(update={"route": ""}))
    await events.send(broker, events.generated())

    assert parked == ["answer-generated"]
    assert (await http.get(f"/v1/answers/{events.ANSWER}")).status_code == 200


async def test_what_broke_off_is_not_shown_and_the_whole_answer_is_with_its_cost(
    broker: KafkaBroker, http: httpx.AsyncClient, stack: Stack
) -> None:
    broken = events.generated(answer="Under", broken_off=True, finish_reason="cancelled")
    await events.send(broker, broken)
    assert (await http.get("/v1/answers")).json()["data"] == []
    assert await kinds(stack.sessions) == []

    priced: dict[str, Any] = {"cost": "0.0000010", "currency": "EUR", "price_version": "v7"}
    await events.send(broker, events.generated(**priced), 1)

    shown = (await http.get(f"/v1/answers/{events.ANSWER}")).json()
    assert (shown["answer"], shown["finish_reason"]) == ("Under the mat [1].", "stop")
    assert {name: shown[name] for name in priced} == priced
