from typing import Any

import httpx
import pytest

from gyre_events import FeedbackGiven

from .conftest import ACME, Stack, error_of
from .fakes import ANSWER_ID

URL = "/v1/feedback"
PRAISE = {"answer_id": ANSWER_ID, "thumb": "up", "person": "ada"}


async def test_feedback_is_accepted_before_its_answer_is_known(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    words = {"edited_answer": "Under the stone.", "comment": "It moved.", "score": 0.25}
    response = await http.post(URL, json=PRAISE | words)

    assert response.status_code == 202
    ((event, tenant, id, _),) = stack.kafka.sent
    assert isinstance(event, FeedbackGiven)
    assert tenant == "default"
    assert str(event.feedback_id) == str(id) == response.json()["feedback_id"]
    assert str(event.answer_id) == ANSWER_ID
    assert (event.thumb, event.score) == ("up", 0.25)
    assert (event.edited_answer, event.comment) == ("Under the stone.", "It moved.")


async def test_who_says_it_is_the_pseudonym_of_who_asked(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    messages = [{"role": "user", "content": "Where is the key?"}]
    asking = {"model": "gyre/default", "messages": messages, "user": "ada"}
    await http.post("/v1/chat/completions", json=asking)
    ada = stack.inference.asked[-1].person
    for said in ("ada", ada, "person-1", "", None):
        assert (await http.post(URL, json=PRAISE | {"person": said})).status_code == 202

    persons = [getattr(event, "person", None) for event, *_ in stack.kafka.sent]

    assert persons[:2] == [ada, ada]
    assert persons[2] not in (ada, "person-1")
    assert persons[3:] == [None, None]
    theirs = await http.post(URL, json=PRAISE, headers=ACME)
    assert theirs.status_code == 202
    assert getattr(stack.kafka.sent[-1][0], "person", None) not in (ada, "ada")


async def test_the_id_of_a_completion_names_its_answer(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    await http.post(URL, json=PRAISE | {"answer_id": f"chatcmpl-{ANSWER_ID}"})

    event = stack.kafka.sent[0][0]
    assert isinstance(event, FeedbackGiven)
    assert str(event.answer_id) == ANSWER_ID


async def test_repeated_feedback_is_the_same_feedback(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    key = {"Idempotency-Key": "once"}
    ids = {(await http.post(URL, json=PRAISE, headers=key)).text for _ in range(2)}
    other = await http.post(URL, json=PRAISE | {"thumb": "down"}, headers=key)
    theirs = await http.post(URL, json=PRAISE, headers=key | ACME)

    assert len(ids) == 1
    assert other.status_code == 422
    assert theirs.text not in ids
    assert len({id for _, _, id, _ in stack.kafka.sent}) == 2


async def test_the_lines_of_a_text_end_as_those_of_answers(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    sent = {"edited_answer": "Under\r\nthe stone.", "comment": "It\rmoved."}
    assert (await http.post(URL, json=PRAISE | sent)).status_code == 202

    ((event, *_),) = stack.kafka.sent
    assert isinstance(event, FeedbackGiven)
    assert (event.edited_answer, event.comment) == ("Under\nthe stone.", "It\nmoved.")


async def test_nothing_is_accepted_while_kafka_is_away(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    stack.kafka.away = True

    response = await http.post(URL, json=PRAISE)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"answer_id": "17"}, "answer_id"),
        ({"answer_id": None}, "answer_id"),
        ({"thumb": "sideways"}, "thumb"),
        ({"thumb": None}, None),
        ({"score": 1.1}, "score"),
        ({"score": "1"}, "score"),
        ({"edited_answer": ""}, "edited_answer"),
        ({"edited_answer": " \n"}, "edited_answer"),
        ({"comment": "x" * 10_001}, "comment"),
        ({"person": 7}, "person"),
    ],
)
async def test_what_is_no_feedback_is_refused(
    http: httpx.AsyncClient, stack: Stack, change: dict[str, Any], param: str | None
) -> None:
    response = await http.post(URL, json=PRAISE | change)

    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert stack.kafka.sent == []


async def test_who_brings_more_than_feedback_handles_is_told_when_to_come_back(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    stack.groups["feedback"].waiting = 10_001
    response = await http.post(URL, json=PRAISE)

    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    said = "10001 records wait for feedback, more than 10000"
    assert error_of(response)["message"].startswith(said)
    assert stack.kafka.sent == []
    stack.groups["feedback"].waiting = 10_000
    assert (await http.post(URL, json=PRAISE)).status_code == 202
