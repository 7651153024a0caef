"""What each option of generation does to the real engine's answer, asked as any client asks."""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice

from ..conftest import Stack

Ask: TypeAlias = Callable[..., ChatCompletion]

SEEDS = range(5)
# Goes on to the limit, and the same seed alone gives the same answer.
WILD: dict[str, Any] = {"temperature": 2, "seed": 7, "max_tokens": 60}
COLOUR = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
    "additionalProperties": False,
}


@pytest.fixture
def ask(stack: Stack) -> Ask:
    client = OpenAI(base_url=f"{stack.url}/v1", api_key="local", max_retries=0, timeout=120)

    def asked(**options: Any) -> ChatCompletion:
        answer: ChatCompletion = client.chat.completions.create(
            model="gyre/default",
            messages=[{"role": "user", "content": "Who lives in house 3?"}],
            metadata={"retrieval": "off"},
            **options,
        )
        return answer

    return asked


def text_of(answer: ChatCompletion) -> str:
    return answer.choices[0].message.content or ""


def tokens_of(choice: Choice) -> list[str]:
    assert choice.logprobs is not None
    return [one.token for one in choice.logprobs.content or ()]


def test_temperature_and_top_p_say_how_much_is_left_to_chance(ask: Ask) -> None:
    sure = text_of(ask(temperature=0))

    assert len({text_of(ask(**WILD | {"seed": seed})) for seed in SEEDS}) > 1
    narrow = {text_of(ask(temperature=2, seed=seed, top_p=1e-6)) for seed in SEEDS}
    assert narrow == {sure}


def test_max_tokens_ends_an_answer(ask: Ask) -> None:
    short = ask(**WILD | {"max_tokens": 3})

    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 3
    assert text_of(ask(**WILD)).startswith(text_of(short))


def test_a_stop_ends_an_answer_and_is_not_in_it(ask: Ask) -> None:
    whole = text_of(ask(**WILD))
    stop = next(word for word in whole.split() if whole.index(word) > 0)

    cut = ask(**WILD, stop=["never said", stop])

    assert text_of(cut).strip() == whole[: whole.index(stop)].strip() != ""
    assert cut.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("penalty", ["presence_penalty", "frequency_penalty"])
def test_a_penalty_makes_an_answer_repeat_itself_less(ask: Ask, penalty: str) -> None:
    def said(strength: float) -> float:
        """Return the share of tokens that were not said before."""
        answers = [
            tokens_of(ask(**WILD | {"seed": seed, penalty: strength}, logprobs=True).choices[0])
            for seed in SEEDS
        ]
        return sum(len(set(one)) for one in answers) / sum(len(one) for one in answers)

    assert said(2) > said(-2)


def test_n_gives_so_many_choices(ask: Ask) -> None:
    answer = ask(**WILD, n=3)

    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1


def test_log_probabilities_are_of_the_tokens_that_were_said(ask: Ask) -> None:
    answer = ask(temperature=0, logprobs=True, top_logprobs=3)

    [choice] = answer.choices
    assert "".join(tokens_of(choice)) == choice.message.content
    assert choice.logprobs is not None
    for token in choice.logprobs.content or ():
        likeliest = [one.logprob for one in token.top_logprobs]
        assert likeliest == sorted(likeliest, reverse=True)
        assert len(likeliest) == 3
        assert token.logprob == likeliest[0] <= 0


def test_an_answer_follows_a_schema(ask: Ask) -> None:
    answer = ask(
        max_tokens=60,
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": COLOUR}},
    )

    found = json.loads(text_of(answer))
    assert set(found) == {"colour", "sure"}
    assert found["colour"] in {"red", "blue"}
    assert isinstance(found["sure"], bool)
