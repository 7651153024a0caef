"""Alternatives, log-probabilities and forms, over a real connection."""

from typing import Any

import grpc
import pytest

from gyre_inference.alternatives import Alternatives, Delta
from gyre_inference.answering import Mode
from gyre_inference.generation import Piece, Sampling, TokenLogprob
from gyre_inference.messages import repeated
from gyre_inference.settings import Settings
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions
from gyre_service.errors import Rejected, Unavailable
from gyre_service.rpc import PARAM

from .conftest import FakeEngine, FakeSearch
from .test_answering import answered, question
from .test_servicer import ACME, asking, complete, published, refusal

SCHEMA = '{"type": "object"}'


def sampled(**fields: Any) -> pb.GenerateRequest:
    return asking(sampling=pb.Sampling(temperature=1, **fields))


async def stream(stub: Any, request: pb.GenerateRequest, metadata: Any = ACME) -> list[Any]:
    return [part async for part in stub.Generate(request, metadata=metadata, timeout=10)]


async def test_alternatives_are_one_answer_and_its_first_is_the_events(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.others = ["Green", "I don't know."]

    response = await complete(stub, sampled(n=3))

    finished = response.finished
    assert [choice.answer for choice in finished.choices] == ["Blue [1]", "Green", "I don't know."]
    assert [choice.refused for choice in finished.choices] == [False, False, True]
    assert (finished.answer, finished.refused) == ("Blue [1]", False)
    assert finished.usage.completion_tokens == 2 + 1 + 3
    (event,) = await published(sessions)
    assert (event.answer, event.cited, event.choices) == ("Blue [1]", (1,), 3)
    assert event.completion_tokens == 6


async def test_alternatives_stream_beside_each_other(stub: Any, engine: FakeEngine) -> None:
    engine.others = ["Green it is"]

    parts = await stream(stub, sampled(n=2))

    said = ["", ""]
    for part in parts[1:-1]:
        said[part.choice] += part.delta
    assert said == ["Blue [1]", "Green it is"]
    assert [choice.answer for choice in parts[-1].finished.choices] == said


async def test_without_chance_alternatives_are_equal_and_the_engine_answers_once(
    stub: Any, engine: FakeEngine
) -> None:
    parts = await stream(stub, asking(sampling=pb.Sampling(n=3)))

    (call,) = engine.calls
    assert call["sampling"].runs == 1
    assert [(p.choice, p.delta) for p in parts[1:4]] == [(0, "Blue"), (1, "Blue"), (2, "Blue")]
    finished = parts[-1].finished
    assert {choice.answer for choice in finished.choices} == {"Blue [1]"}
    assert finished.usage.completion_tokens == 2  # that the engine made


async def test_refusals_without_evidence_are_equal(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    search.finds = ()
    asked = question(sampling=Sampling(max_tokens=20, temperature=1, n=2, top_logprobs=1))

    _, shown, finished = await answered(engine, search, settings, asked)

    assert engine.calls == []
    assert shown == "I don't know." * 2
    assert [(c.answer, c.refused, c.logprobs) for c in finished.choices] == [
        ("I don't know.", True, ())
    ] * 2
    assert finished.completion_tokens == 0  # the engine was not asked


async def test_an_alternative_that_says_nothing_declines_alone(
    stub: Any, engine: FakeEngine
) -> None:
    engine.others = [" "]

    parts = await stream(stub, sampled(n=2))

    assert [(p.choice, p.delta, p.refused) for p in parts[1:-1]] == [
        (0, "Blue", False),
        (0, " [1]", False),
        (1, "I don't know.", True),
    ]


async def test_log_probabilities_come_with_their_tokens_and_whole(stub: Any) -> None:
    parts = await stream(stub, sampled(top_logprobs=2))

    first = parts[1].logprobs[0]
    assert (first.token, first.logprob) == (b"Blue ", -0.5)
    assert [top.token for top in first.top] == [b"Blue ", b"Blue "]
    (choice,) = parts[-1].finished.choices
    assert [one.token for one in choice.logprobs] == [b"Blue ", b"[1]"]
    assert list(choice.logprobs) == [one for part in parts[1:-1] for one in part.logprobs]


async def test_nobody_gets_log_probabilities_without_asking(stub: Any) -> None:
    parts = await stream(stub, sampled())

    assert not any(part.logprobs for part in parts)
    assert not parts[-1].finished.choices[0].logprobs


@pytest.mark.parametrize("schema", ["", SCHEMA])
async def test_a_stored_answer_has_all_that_the_first_had(
    stub: Any, engine: FakeEngine, schema: str
) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    engine.others = [""]
    request = sampled(n=2, top_logprobs=1, json_schema=schema)
    first = await complete(stub, request, metadata)

    again = await complete(stub, request, metadata)
    parts = await stream(stub, request, metadata)

    assert again == first
    assert len(engine.calls) == 1
    assert [(p.choice, p.delta, p.refused, len(p.logprobs)) for p in parts[1:-1]] == [
        (0, "Blue [1]", False, 2),
        (1, "I don't know.", True, 1),
    ]


def test_an_answer_stored_before_there_were_alternatives_is_the_only_one() -> None:
    stored = pb.CompleteResponse(finished=pb.Finished(answer="Blue", finish_reason="length"))

    parts = repeated(stored)

    assert [(part.choice, part.delta) for part in parts[1:-1]] == [(0, "Blue")]


async def test_other_options_are_another_request(stub: Any) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    await complete(stub, sampled(n=2), metadata)

    error = await refusal(stub, sampled(n=2, top_logprobs=0), metadata)

    assert error.code() is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("says", "cited", "refused"),
    [
        ('{"colour": "Blue [1]", "years": [1, 2]}', (1,), False),
        ('{"passage": [1]}', (), False),
        ('{"colour": "Blue [1]', (), False),  # cut off
        ('"I don\'t know."', (), False),
        ("I don't know.", (), False),
    ],
)
async def test_an_answer_in_a_form_is_left_as_it_is(
    engine: FakeEngine,
    search: FakeSearch,
    settings: Settings,
    says: str,
    cited: tuple[int, ...],
    refused: bool,
) -> None:
    engine.says = says
    asked = question(sampling=Sampling(max_tokens=20, json_schema=SCHEMA))

    _, shown, finished = await answered(engine, search, settings, asked)

    assert shown == finished.answer == says
    assert (finished.cited, finished.refused) == (cited, refused)
    (call,) = engine.calls
    assert call["sampling"].json_schema == SCHEMA


async def test_a_refusal_says_that_it_has_not_the_form(stub: Any, search: FakeSearch) -> None:
    search.finds = ()

    parts = await stream(stub, sampled(json_schema=SCHEMA))

    assert (parts[1].delta, parts[1].refused) == ("I don't know.", True)
    assert parts[-1].finished.choices[0].refused


async def test_what_is_wrong_is_named_to_the_caller(stub: Any, engine: FakeEngine) -> None:
    early = await refusal(stub, sampled(n=9))
    engine.fails = Rejected("the engine refuses this", param="json_schema")
    late = await refusal(stub, sampled(json_schema=SCHEMA))

    for error, param in ((early, "n"), (late, "json_schema")):
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert dict(error.trailing_metadata())[PARAM] == param


def test_a_token_without_text_yet_is_shown_for_its_log_probability() -> None:
    half = TokenLogprob(b"\xc3", -1)
    one = Alternatives(Sampling(max_tokens=5, top_logprobs=0))

    assert one.push(Piece("", 1, logprobs=(half,))) == [Delta("", logprobs=(half,))]
    assert one.push(Piece(" ", 1)) == []
    assert one.decline() == [Delta("I don't know.", refused=True)]


async def test_the_model_alone_gives_alternatives_too(
    engine: FakeEngine, search: FakeSearch, settings: Settings
) -> None:
    engine.others = ["Green"]
    asked = question(mode=Mode.OFF, sampling=Sampling(max_tokens=20, temperature=1, n=2))

    _, _, finished = await answered(engine, search, settings, asked)

    assert [choice.answer for choice in finished.choices] == ["Blue [1]", "Green"]
    assert finished.cited == ()


async def test_alternatives_that_break_off_are_one_event_with_all_their_tokens(
    stub: Any, engine: FakeEngine, sessions: Sessions
) -> None:
    engine.others, engine.fails = ["Green"], Unavailable("the engine has died")

    error = await refusal(stub, sampled(n=2))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    (event,) = await published(sessions)
    assert (event.broken_off, event.finish_reason, event.choices) == (True, "failed", 2)
    assert (event.answer, event.completion_tokens) == ("Blue", 1)


@pytest.mark.parametrize(
    ("sampling", "alone", "plain"),
    [
        (pb.Sampling(), True, True),
        (pb.Sampling(temperature=0, seed=7), True, True),  # as the route says
        (pb.Sampling(temperature=1), False, True),
        (pb.Sampling(json_schema=SCHEMA), False, False),
        (pb.Sampling(max_tokens=3), False, True),
    ],
)
async def test_an_answer_says_whether_its_question_was_asked_as_the_route_asks(
    stub: Any, sessions: Sessions, sampling: pb.Sampling, alone: bool, plain: bool
) -> None:
    await complete(stub, asking(sampling=sampling))
    (event,) = await published(sessions)
    assert (event.alone, event.plain) == (alone, plain)


async def test_a_question_after_others_does_not_stand_alone(stub: Any, sessions: Sessions) -> None:
    turns = [pb.Message(role="system", content="Be brief."), *asking().messages]
    await complete(stub, pb.GenerateRequest(messages=turns))
    (event,) = await published(sessions)
    assert (event.alone, event.plain) == (False, False)
