from typing import Any
from uuid import UUID, uuid4

import pytest

from gyre_events import Policy
from gyre_inference.requests import (
    conversation_of,
    evidence_of,
    person_of,
    sampling_of,
    turns_of,
)
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.errors import Rejected

POLICY = Policy(max_tokens=64, temperature=0.5)


def request(*messages: tuple[str, str], **fields: Any) -> pb.GenerateRequest:
    sent = [pb.Message(role=role, content=content) for role, content in messages]
    return pb.GenerateRequest(messages=sent, **fields)


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ([("user", "  ")], "messages[0].content"),
        ([("user", "a\0b")], "messages[0].content"),
        ([("robot", "hi")], "messages[0].role"),
        ([("user", "hi"), ("assistant", "ho")], "messages[1].role"),
        ([("user", "hi")] * 101, "messages"),
        ([("user", "x" * 100_001)], "messages"),
    ],
)
def test_conversations_that_are_none(messages: list[tuple[str, str]], param: str) -> None:
    with pytest.raises(Rejected) as caught:
        turns_of(request(*messages))

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 5_000}, "max_tokens"),
        ({"stop": list("abcde")}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": float("inf")}, "frequency_penalty"),
        ({"n": 9}, "n"),
        ({"n": 2**32 - 1}, "n"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 20, "max_tokens": 1000, "n": 8}, "top_logprobs"),
        ({"json_schema": "object"}, "json_schema"),
        ({"json_schema": "[]"}, "json_schema"),
        ({"json_schema": '{"not": {}}'}, "json_schema"),
    ],
)
def test_sampling_out_of_range_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Rejected, match=param) as caught:
        sampling_of(pb.Sampling(**fields), POLICY, 2048)

    assert caught.value.param == param


def test_what_is_not_asked_for_is_the_routes() -> None:
    sampling = sampling_of(pb.Sampling(), POLICY, 2048)

    assert (sampling.max_tokens, sampling.temperature, sampling.seed) == (64, 0.5, None)


def test_zero_is_asked_for_and_not_a_default() -> None:
    sampling = sampling_of(pb.Sampling(temperature=0, seed=0, max_tokens=5), POLICY, 2048)

    assert (sampling.max_tokens, sampling.temperature, sampling.seed) == (5, 0, 0)


def test_one_answer_of_text_without_log_probabilities_is_what_nothing_asks_for() -> None:
    sampling = sampling_of(pb.Sampling(), POLICY, 2048)

    assert (sampling.n, sampling.top_logprobs, sampling.json_schema) == (1, None, "")


def test_no_likeliest_tokens_are_log_probabilities_all_the_same() -> None:
    sent = pb.Sampling(n=8, top_logprobs=0, max_tokens=1900, json_schema="{}")

    sampling = sampling_of(sent, POLICY, 2048)

    assert (sampling.n, sampling.top_logprobs, sampling.json_schema) == (8, 0, "{}")


def evidence(**changes: Any) -> pb.Passage:
    fields = {"chunk_id": str(uuid4()), "document_id": str(uuid4()), "text": "Blue."}
    return pb.Passage(**fields | changes)


@pytest.mark.parametrize(
    ("passages", "mode", "param"),
    [
        ([evidence()], pb.RETRIEVAL_ON, "retrieval"),
        ([evidence(text=" ")], pb.RETRIEVAL_GIVEN, "evidence[0].text"),
        ([evidence(), evidence(chunk_id="7")], pb.RETRIEVAL_GIVEN, "evidence[1].chunk_id"),
        ([evidence(document_id="")], pb.RETRIEVAL_GIVEN, "evidence[0].document_id"),
        ([evidence(score=float("nan"))], pb.RETRIEVAL_GIVEN, "evidence[0].score"),
        ([evidence(score=float("-inf"))], pb.RETRIEVAL_GIVEN, "evidence[0].score"),
        ([evidence()] * 21, pb.RETRIEVAL_GIVEN, "evidence"),
        ([evidence(text="Blue." + "\n" * 170_000)], pb.RETRIEVAL_GIVEN, "evidence"),
        ([evidence(document="d" * 20_000)] * 17, pb.RETRIEVAL_GIVEN, "evidence"),
    ],
)
def test_evidence_that_is_none(passages: list[pb.Passage], mode: Any, param: str) -> None:
    with pytest.raises(Rejected) as caught:
        evidence_of(pb.GenerateRequest(evidence=passages, retrieval=mode))

    assert caught.value.param == param


def test_a_conversation_without_id_is_recognised_by_how_it_begins() -> None:
    first = request(("system", "s"), ("user", "q"))
    later = request(("system", "s"), ("user", "q"), ("assistant", "a"), ("user", "r"))

    ids = {
        conversation_of(first, None, "acme", "key-1"),
        conversation_of(later, None, "acme", "key-1"),
    }
    others = {
        conversation_of(first, None, "umbrella", "key-1"),
        conversation_of(first, None, "acme", "key-2"),
        conversation_of(request(("user", "q")), None, "acme", "key-1"),
    }

    assert len(ids) == 1
    assert len(others - ids) == 3


def test_a_conversations_id_is_the_requests_else_the_metadatas() -> None:
    one, two = str(uuid4()), str(uuid4())
    sent = request(("user", "q"), conversation_id=one)

    assert conversation_of(sent, two, "acme", "k") == UUID(one)
    assert conversation_of(request(("user", "q")), two, "acme", "k") == UUID(two)
    with pytest.raises(Rejected, match="expected a UUID"):
        conversation_of(request(("user", "q")), "mine", "acme", "k")


def test_a_person_is_a_short_pseudonym_or_nobody() -> None:
    assert person_of(pb.GenerateRequest(person="p-1")) == "p-1"
    assert person_of(pb.GenerateRequest()) is None
    with pytest.raises(Rejected, match="at most 200"):
        person_of(pb.GenerateRequest(person="p" * 201))


@pytest.mark.parametrize("name", ["text", "document"])
def test_what_no_table_takes_is_refused(name: str) -> None:
    fields: dict[str, Any] = {"chunk_id": str(uuid4()), "document_id": str(uuid4()), "text": "a"}
    sent = [pb.Passage(**fields | {name: "a\0"})]

    with pytest.raises(Rejected, match=r"U\+0000") as caught:
        evidence_of(pb.GenerateRequest(evidence=sent, retrieval=pb.RETRIEVAL_GIVEN))

    assert caught.value.param == f"evidence[0].{name}"


def test_a_person_whom_no_table_takes_is_refused() -> None:
    with pytest.raises(Rejected, match=r"person has the character U\+0000"):
        person_of(pb.GenerateRequest(person="a\0"))
