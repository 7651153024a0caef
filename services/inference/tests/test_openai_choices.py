"""What an endpoint makes of the options, and what is said of those that it passes over."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gyre_inference.answering import Answerer, Finished
from gyre_inference.generation import Piece, Sampling, TokenLogprob, Turn
from gyre_inference.metering import Meter
from gyre_inference.openai_choices import Choices
from gyre_inference.openai_request import body_of
from gyre_inference.openai_wire import Away, Broke, Chunk
from gyre_inference.settings import Settings
from gyre_service.errors import Rejected, ServiceError

from .conftest import PRICES, FakeSearch
from .openai_server import OpenAiServer
from .test_answering import question
from .test_openai_engine import Running, pieces_of, running

__all__ = ["running"]  # a fixture

SCHEMA = '{"type": "object"}'
TWO = Sampling(max_tokens=9, temperature=1, n=2)


def says(text: str = "", run: int = 0, **fields: Any) -> dict[str, Any]:
    return {"index": run, "delta": {"content": text}, **fields}


def ends(run: int = 0, reason: str = "stop", **fields: Any) -> dict[str, Any]:
    return {"index": run, "delta": {}, "finish_reason": reason, **fields}


def likely(token: str, logprob: float, *top: Any, **fields: Any) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "top_logprobs": list(top), **fields}


def made(sampling: Sampling, choices: Sequence[dict[str, Any]]) -> list[Piece]:
    taken = Choices(sampling)
    chunks = [Chunk.model_validate({"choices": [choice]}) for choice in choices]
    return [*(piece for chunk in chunks for piece in taken.take(chunk)), *taken.end()]


def test_options_are_the_apis_own() -> None:
    asked = Sampling(9, temperature=1, n=3, top_logprobs=0, json_schema=SCHEMA)

    body = body_of("tiny", [Turn("user", "?")], asked)

    assert (body["n"], body["logprobs"], body["top_logprobs"]) == (3, True, 0)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
    }


def test_without_chance_it_answers_once() -> None:
    assert "n" not in body_of("tiny", [Turn("user", "?")], Sampling(9, n=3))


def test_every_answer_has_its_pieces_and_its_end() -> None:
    pieces = made(TWO, [says("a"), says("b", 1), ends(1, "length"), ends()])

    assert pieces == [
        Piece("a", 0),
        Piece("b", 0, run=1),
        Piece("", 0, finish_reason="length", run=1),
        Piece("", 0, finish_reason="stop"),
    ]


def test_log_probabilities_are_bytes_and_the_end_has_none() -> None:
    content = [likely("\ufffd", -1, likely("a", -0.5), likely("b", -2), bytes=[195])]
    end = {"content": [likely("<|im_end|>", 0)]}

    piece, last = made(
        Sampling(9, top_logprobs=1), [says(logprobs={"content": content}), ends(logprobs=end)]
    )

    assert piece.logprobs == (TokenLogprob(b"\xc3", -1, (TokenLogprob(b"a", -0.5),)),)
    assert last.logprobs == ()


@pytest.mark.parametrize(
    ("sampling", "choices", "error", "param", "said"),
    [
        (TWO, [says("a"), ends()], Rejected, "n", "gives 1 of 2 answers"),
        (TWO, [says("a"), says("b", 1), ends()], Away, None, "broke off"),
        (TWO, [says("a", 2)], Broke, None, "answer 3 of 2"),
        (Sampling(9, top_logprobs=0), [says("a")], Rejected, "top_logprobs", "no log-prob"),
        (Sampling(9, json_schema=SCHEMA), [says("Blue"), ends()], Rejected, "json_schema", "JSON"),
    ],
)
def test_an_option_that_is_passed_over_is_named(
    sampling: Sampling,
    choices: list[dict[str, Any]],
    error: type[ServiceError],
    param: str | None,
    said: str,
) -> None:
    with pytest.raises(error, match=said) as caught:
        made(sampling, choices)

    assert caught.value.param == param


@pytest.mark.parametrize(
    "choices",
    [[says('{"a": 1}'), ends()], [says('{"a"'), ends(reason="length")], [says(" "), ends()]],
)
def test_a_form_that_is_kept_or_cut_off_passes(choices: list[dict[str, Any]]) -> None:
    assert made(Sampling(9, json_schema=SCHEMA), choices)


async def test_all_answers_are_counted_by_the_endpoint_once(
    running: Running, server: OpenAiServer, search: FakeSearch, settings: Settings
) -> None:
    async with running() as engine:
        chunks = [{"choices": [one]} for one in (says("Blue"), says("Grey", 1), ends(), ends(1))]
        usage = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}
        lines = [json.dumps(chunk) for chunk in (*chunks, usage)]
        server.raw = "".join(f"data: {line}\n\n" for line in (*lines, "[DONE]")).encode()
        answerer = Answerer(engine, search, settings, PRICES)
        *_, finished = [part async for part in answerer.answer(question(sampling=TWO))]

    assert isinstance(finished, Finished)
    assert [choice.answer for choice in finished.choices] == ["Blue", "Grey"]
    assert (finished.prompt_tokens, finished.completion_tokens) == (11, 7)
    assert server.asked[-1]["n"] == 2


async def test_what_the_endpoint_refuses_is_named_as_we_call_it(
    running: Running, server: OpenAiServer
) -> None:
    async with running() as engine:
        server.status = 400
        server.error = {"error": {"message": "no", "param": "response_format.json_schema"}}
        with pytest.raises(Rejected) as caught:
            await pieces_of(engine, Sampling(9, json_schema=SCHEMA))

    assert caught.value.param == "json_schema"


async def test_alternatives_that_break_off_are_all_estimated(
    running: Running, server: OpenAiServer, search: FakeSearch, settings: Settings
) -> None:
    meter = Meter()
    async with running(openai_probe_s=60) as engine:
        chunks = [{"choices": [one]} for one in (says("Blue"), says("Grey", 1))]
        server.raw = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
        answerer = Answerer(engine, search, settings, PRICES)
        with pytest.raises(Away):
            _ = [part async for part in answerer.answer(question(sampling=TWO), meter)]
        part = answerer.broken_off(question(sampling=TWO), meter, "failed")

    assert [choice.answer for choice in part.choices] == ["Blue", "Grey"]
    assert (part.completion_tokens, part.broken_off, part.refused) == (4, True, False)
