"""A question's way through the platform, as its events tell it."""

import json
from uuid import UUID

import httpx

from ..conftest import Stack, ask, indexed, put, route, until

PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"
QUESTION = "How long is the warranty of the pump P7?"
PLACES = b"""# Places

The tower of Hallin is 81 metres high. The mayor of Osby is Ada Berg. The lamp costs 12 euros.
"""
QUESTIONS = (
    "How high is the tower of Hallin?",
    "Who is the mayor of Osby?",
    "What does the lamp cost?",
    "What is the height of the tower?",
    "What is the tower of Hallin?",
)


def of_answer(stack: Stack, topic: str, answer_id: str) -> list[dict[str, object]]:
    values = [json.loads(record.value or b"{}") for record in stack.read(topic)]
    return [value for value in values if value.get("answer_id") == answer_id]


def test_every_answer_is_observed_scored_and_kept(
    stack: Stack, api: httpx.Client, collection: str
) -> None:
    indexed(api, put(api, collection, "places.md", PLACES)["id"])
    model = route(api, collection)

    # A refusal is not judged by its sources: take a question that gets an answer.
    bodies = (ask(api, model, question) for question in QUESTIONS)
    body = next((body for body in bodies if not body["gyre"]["refused"]), None)
    assert body is not None, "the model refuses every one of them"

    answer_id = body["gyre"]["answer_id"]
    assert UUID(answer_id)
    [generated] = until(lambda: of_answer(stack, "answer-generated", answer_id), "answer-generated")
    assert generated["question"] in QUESTIONS
    assert generated["answer"] == body["choices"][0]["message"]["content"]
    assert generated["purpose"] == "live"
    assert generated["prompt_tokens"] == body["usage"]["prompt_tokens"]
    assert generated["completion_tokens"] == body["usage"]["completion_tokens"]
    assert 0 < generated["time_to_first_token_s"] <= generated["latency_s"]  # type: ignore[operator]
    assert generated["cost"] is not None
    assert generated["price_version"]
    [observed] = until(
        lambda: of_answer(stack, "embedding-observed", answer_id), "embedding-observed"
    )
    assert observed["hits"] == len(body["gyre"]["passages"]) == 1
    [scored] = until(lambda: of_answer(stack, "answer-scored", answer_id), "answer-scored")
    assert scored["route"] == collection
    names = {score["name"] for score in scored["scores"]}  # type: ignore[attr-defined]
    assert {"groundedness_overlap", "groundedness_embedding", "refusal", "length_words"} <= names
    assert names & {"citation_valid", "cites"}

    def kept() -> dict[str, object]:
        answer = api.get(f"/v1/answers/{answer_id}")
        found: dict[str, object] = answer.json() if answer.status_code == 200 else {}
        return found if found.get("scores") else {}

    row = until(kept, "the answer with its scores")
    assert row["question"] == generated["question"]


def test_without_evidence_it_does_not_know_and_the_engine_is_not_asked(
    api: httpx.Client, collection: str
) -> None:
    model = route(api, collection)

    body = ask(api, model, "Who won the race in Turin?")

    assert body["choices"][0]["message"]["content"] == "I don't know."
    assert body["gyre"]["refused"] is True
    assert body["gyre"]["passages"] == []
    assert body["usage"]["total_tokens"] == 0


def test_a_follow_up_searches_with_the_turn_before(api: httpx.Client, collection: str) -> None:
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    other = b"# Lamp\n\nThe lamp L2 shines for 900 hours and how long it lasts is not known.\n"
    indexed(api, put(api, collection, "lamp.md", other)["id"])
    model = route(api, collection)
    turns = [
        {"role": "user", "content": "Is there a warranty on the pump P7?"},
        {"role": "assistant", "content": "Yes [1]."},
        {"role": "user", "content": "And how long?"},
    ]

    answer = api.post("/v1/chat/completions", json={"model": model, "messages": turns})

    first = answer.json()["gyre"]["passages"][0]
    assert first["document"] == "pump.md"


def test_tenants_see_nothing_of_each_other(
    stack: Stack, api: httpx.Client, acme: httpx.Client, collection: str
) -> None:
    sent = put(api, collection, "pump.md", PUMP)
    indexed(api, sent["id"])
    model, theirs = route(api, collection), route(acme, collection)

    mine = ask(api, model, QUESTION)
    foreign = ask(acme, theirs, QUESTION)

    assert mine["gyre"]["passages"]
    assert foreign["gyre"]["passages"] == []
    assert acme.get(f"/v1/documents/{sent['id']}").status_code == 404
    until(lambda: of_answer(stack, "answer-generated", mine["gyre"]["answer_id"]), "the event")
    assert acme.get(f"/v1/answers/{mine['gyre']['answer_id']}").status_code == 404
