"""What vLLM is told, and what is made of what it says."""

from types import SimpleNamespace
from typing import Any

import pytest

from gyre_inference.engine import _params
from gyre_inference.generation import Sampling, TokenLogprob
from gyre_inference.logprobs import LOWEST, logprobs_of
from gyre_inference.structured import MAX_DEPTH, checked_schema, texts_in
from gyre_service.errors import Rejected

SCHEMA = '{"type": "object", "properties": {"colour": {"type": "string"}}}'


def test_every_option_reaches_the_engine() -> None:
    asked = Sampling(
        max_tokens=5,
        temperature=0.5,
        top_p=0.9,
        stop=("\n",),
        seed=7,
        presence_penalty=1,
        frequency_penalty=-1,
        n=3,
        top_logprobs=2,
        json_schema=SCHEMA,
    )

    params = _params(asked)

    assert (params.max_tokens, params.temperature, params.top_p) == (5, 0.5, 0.9)
    assert (params.stop, params.seed, params.n) == (["\n"], 7, 3)
    assert (params.presence_penalty, params.frequency_penalty) == (1, -1)
    assert params.logprobs == 2
    assert params.structured_outputs.json == SCHEMA
    assert params.output_kind.name == "DELTA"


def test_what_is_not_asked_for_is_not_there() -> None:
    params = _params(Sampling(max_tokens=5))

    assert (params.n, params.seed, params.stop) == (1, None, [])
    assert params.logprobs is None
    assert params.structured_outputs is None


def test_without_chance_the_engine_answers_once() -> None:
    assert _params(Sampling(max_tokens=5, n=3)).n == 1


@pytest.mark.parametrize("seed", [-1, -3, 0, 2**63 - 1, -(2**63)])
def test_every_seed_is_one_and_leaves_room_for_the_runs_after(seed: int) -> None:
    params = _params(Sampling(max_tokens=5, temperature=1, seed=seed, n=8))

    assert params.seed is not None
    assert 0 <= params.seed < 2**63


def made(*found: dict[int, tuple[float, int]], **fields: Any) -> Any:
    """Return an output of vLLM: for each position, tokens with log-probability and rank."""
    rows = [
        {
            token: SimpleNamespace(logprob=logprob, rank=rank)
            for token, (logprob, rank) in at.items()
        }
        for at in found
    ]
    tokens = [next(iter(row)) for row in rows]
    some: dict[str, Any] = {"finish_reason": None, "stop_reason": None}
    return SimpleNamespace(token_ids=tokens, logprobs=rows, **some | fields)


def letter(token: int) -> bytes:
    return b"abcdef"[token : token + 1]


def test_a_token_comes_with_the_likeliest_in_its_place() -> None:
    output = made({3: (-4, 9), 0: (-0.5, 1), 1: (-1, 2)}, {0: (-0.1, 1), 2: (-3, 2)})

    assert logprobs_of(output, 2, letter) == (
        TokenLogprob(b"d", -4, (TokenLogprob(b"a", -0.5), TokenLogprob(b"b", -1))),
        TokenLogprob(b"a", -0.1, (TokenLogprob(b"a", -0.1), TokenLogprob(b"c", -3))),
    )
    assert [one.top for one in logprobs_of(output, 0, letter)] == [(), ()]
    assert logprobs_of(output, None, letter) == ()


def test_what_json_cannot_say_is_very_unlikely() -> None:
    output = made({0: (float("-inf"), 1)}, {0: (float("nan"), 1)})

    assert [one.logprob for one in logprobs_of(output, 0, letter)] == [LOWEST, LOWEST]


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason", "tokens"),
    [("stop", None, 1), ("stop", 106, 1), ("stop", "\n", 2), ("length", None, 2), (None, None, 2)],
)
def test_the_token_that_ends_an_answer_is_left_out(
    finish_reason: str | None, stop_reason: int | str | None, tokens: int
) -> None:
    output = made({0: (-1, 1)}, {1: (-1, 1)}, finish_reason=finish_reason, stop_reason=stop_reason)

    assert len(logprobs_of(output, 0, letter)) == tokens


@pytest.mark.parametrize(
    "schema",
    [
        "{}",
        SCHEMA,
        '{"properties": {"not": {"type": "string"}, "if": {}}}',  # names, not keywords
        '{"enum": [{"not": 1}], "allOf": [{}], "$ref": "#/$defs/a"}',
    ],
)
def test_schemas(schema: str) -> None:
    assert checked_schema(schema) == schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "is no JSON"),
        ("[" * 20_000, "is no JSON"),
        ("[]", "expected a JSON object"),
        ("true", "expected a JSON object"),
        ('"object"', "expected a JSON object"),
        ('{"items":' * (MAX_DEPTH + 1) + "{}" + "}" * (MAX_DEPTH + 1), "at most 32 levels"),
        ('{"title": "' + "x" * 40_000 + '"}', "40013 characters, at most 32768"),
        ('{"not": {}}', "has 'not', which is not supported"),
        ('{"properties": {"a": {"if": {}}}}', "has 'if'"),
        ('{"$defs": {"a": {"anyOf": [{"dependentRequired": {}}]}}}', "has 'dependentRequired'"),
        ('{"allOf": [{}, {}]}', "'allOf' of more than one schema"),
        ('{"items": {"$ref": "https://example.com/a"}}', "'https://example.com/a'"),
    ],
)
def test_schemas_that_cannot_be_followed(schema: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        checked_schema(schema)

    assert caught.value.param == "json_schema"


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ('{"a": "x [1]", "b": [2, ["y"]], "[3]": null}', "x [1]\ny"),
        ('"x"', "x"),
        ("[1, 2]", ""),
        ('{"a": "x [1]', ""),
        ("[" * 20_000, ""),
    ],
)
def test_texts_of_json(answer: str, texts: str) -> None:
    assert texts_in(answer) == texts
