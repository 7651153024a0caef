from typing import Any

import jinja2
import pytest

from gyre_models.gemma import TEMPLATE


def render(*messages: tuple[str, str]) -> str:
    # As transformers does it.
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    sent: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in messages]
    return environment.from_string(TEMPLATE.read_text()).render(messages=sent, bos_token="<bos>")


EVIDENCE = "[1] Tea is hot.\n[2] Ice is cold.\n\nQuestion: What is cold?"


@pytest.mark.parametrize(
    "messages",
    [
        [("user", EVIDENCE)],
        [("user", "Who?")],
        [("system", "Be brief."), ("user", EVIDENCE)],
        [("user", "Who?"), ("assistant", "Me."), ("user", EVIDENCE)],
    ],
)
def test_a_prompt_begins_with_bos_and_ends_where_the_answer_does(
    messages: list[tuple[str, str]],
) -> None:
    prompt = render(*messages)

    assert prompt.startswith("<bos>")
    assert prompt.count("<bos>") == 1
    # On a line of its own: its first token has no space before it, as in training.
    assert prompt.endswith("\nAnswer:\n")


def test_passages_question_and_instructions_are_all_there() -> None:
    prompt = render(("system", "Be brief."), ("user", EVIDENCE))

    for part in ("[1] Tea is hot.\n[2] Ice is cold.", "Be brief.", "Question: What is cold?"):
        assert prompt.count(part) == 1
    # Near the end: most layers see 512 tokens only.
    assert prompt.index("Ice is cold.") < prompt.index("Be brief.") < prompt.index("What is cold?")


def test_earlier_turns_stand_before_the_question() -> None:
    prompt = render(("user", "Who?"), ("assistant", "Me."), ("user", EVIDENCE))

    assert prompt.index("Who?") < prompt.index("Me.") < prompt.index("What is cold?")
