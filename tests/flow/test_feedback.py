"""Praise and correction, through HTTP and from a producer that knows only `contracts/`."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from gyre_service.ids import derived_id

from ..conftest import Stack, ask, indexed, put, route, until

PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"
QUESTION = "How long is the warranty of the pump P7?"


@pytest.fixture
def answer_id(api: httpx.Client, collection: str) -> str:
    """Return an answer on a route that is named after `collection`."""
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    return str(ask(api, route(api, collection), QUESTION)["gyre"]["answer_id"])


def examples(api: httpx.Client, route: str) -> list[dict[str, Any]]:
    answer = api.get(f"/v1/datasets/{route}")
    return list(answer.json()["data"]) if answer.status_code == 200 else []


def produce(stack: Stack, event_id: str, value: dict[str, Any] | bytes, **more: str) -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": "/shop/reviews",
        "ce_type": "gyre.feedback-given",
        "content-type": "application/json",
        **more,
    }
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    key = f"default/{value['answer_id']}".encode() if isinstance(value, dict) else b"default/x"
    pairs = [(name, text.encode()) for name, text in headers.items()]

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
            await producer.send_and_wait("feedback-given", body, key=key, headers=pairs)

    asyncio.run(send())


def test_an_edited_answer_becomes_an_example(
    api: httpx.Client, collection: str, answer_id: str
) -> None:
    said = api.post("/v1/feedback", json={"answer_id": answer_id, "edited_answer": "3 years [1]"})
    assert said.status_code == 202, said.text

    [example] = until(lambda: examples(api, collection), "an example in the dataset")
    assert example["answer"] == "3 years [1]"
    assert example["kind"] == "edited"
    verdicts = until(
        lambda: api.get(f"/v1/answers/{answer_id}").json().get("verdicts"), "the verdict"
    )
    assert verdicts[0]["edited_answer"] == "3 years [1]"


def test_a_foreign_producer_is_heard_once_however_often_it_repeats_itself(
    stack: Stack, api: httpx.Client, collection: str, answer_id: str
) -> None:
    value = {
        "feedback_id": str(uuid4()),
        "answer_id": answer_id,
        "person": "ada",
        "edited_answer": "three years [1]",
    }
    for _ in range(3):
        produce(stack, "review-1-" + answer_id, value)

    [example] = until(lambda: examples(api, collection), "an example in the dataset")
    assert example["answer"] == "three years [1]"

    # What comes later on the same key was read later: the repetitions are all behind us.
    produce(
        stack,
        "review-2-" + answer_id,
        {"feedback_id": str(uuid4()), "answer_id": answer_id, "comment": "thanks"},
    )

    def comments() -> list[str]:
        rows = api.get(f"/v1/answers/{answer_id}").json()["verdicts"]
        return [row["comment"] for row in rows]

    until(lambda: "thanks" in comments(), "the second verdict")
    assert len(comments()) == 2


def test_feedback_may_come_before_its_answer(
    stack: Stack, api: httpx.Client, collection: str
) -> None:
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    model = route(api, collection)
    # The id of an answer follows from its request's: a client can know it beforehand.
    request_id = f"early-{collection}"
    answer_id = str(derived_id("default", request_id))
    produce(
        stack,
        f"early-{answer_id}",
        {"feedback_id": str(uuid4()), "answer_id": answer_id, "edited_answer": "3 years [1]"},
    )

    answer = api.post(
        "/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": QUESTION}]},
        headers={"Idempotency-Key": request_id},
    )

    assert answer.json()["gyre"]["answer_id"] == answer_id
    [example] = until(lambda: examples(api, collection), "an example in the dataset")
    assert example["answer"] == "3 years [1]"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "JSON"),
        ({"feedback_id": "1", "answer_id": "2", "thumb": "up"}, "UUID"),
        (
            {"feedback_id": str(uuid4()), "answer_id": str(uuid4())},
            "at least one of thumb, score, comment and edited_answer",
        ),
    ],
)
def test_a_malformed_event_is_parked_with_its_reason_and_stops_nobody(
    stack: Stack, api: httpx.Client, answer_id: str, value: Any, reason: str
) -> None:
    event_id = f"bad-{uuid4()}"
    produce(stack, event_id, value)

    def parked() -> list[str]:
        return [
            dict(record.headers)["dlq_reason"].decode()
            for record in stack.read("feedback-dlq")
            if dict(record.headers).get("ce_id") == event_id.encode()
        ]

    [why] = until(parked, "the record in feedback-dlq")
    assert reason in why
    good = api.post("/v1/feedback", json={"answer_id": answer_id, "thumb": "up"})
    assert good.status_code == 202
    until(lambda: api.get(f"/v1/answers/{answer_id}").json().get("verdicts"), "the good verdict")
