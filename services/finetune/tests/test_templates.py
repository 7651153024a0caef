"""A chat template is given what inference gives it, whatever it takes."""

from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import UUID

import pytest
from transformers import AutoTokenizer, GenerationConfig

from gyre_events import Passage
from gyre_events.policy import TrainingPolicy
from gyre_finetune.training import loop
from gyre_finetune.training.examples import Example
from gyre_finetune.training.job import Job
from gyre_finetune.training.tokens import Tokens
from gyre_inference.generation import Turn
from gyre_inference.prompting import fit
from gyre_inference.tokens import Tokens as Asked

from .conftest import DIGEST, TEMPLATE

# As Gemma's.
STRICT = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
PASSAGE = Passage(
    chunk_id=UUID(int=1), document_id=UUID(int=2), version=1, document="a", text="", score=0.5
)
EXAMPLE = Example(question="What is green?", passages=(), answer="the lamp")

ONE_STEP = TrainingPolicy(max_steps=1, batch_examples=1, replay=0, rank=4)


@pytest.mark.parametrize("template", [TEMPLATE, STRICT + TEMPLATE])
@pytest.mark.parametrize("prompt", ["Be short.", " Be short.\n", " ", "Be </s> short."])
@pytest.mark.parametrize("text", [None, "green as <s> and </s>, or <pad>"])
def test_what_is_trained_is_what_is_asked(
    tiny: Path, template: str, prompt: str, text: str | None
) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = template
    passages = [] if text is None else [PASSAGE.model_copy(update={"text": text})]
    question = f"What is {text or 'green'}?"
    example = Example(
        question=question, passages=tuple(one.text for one in passages), answer="the lamp"
    )

    [(trained, begin)] = Tokens(tokenizer, prompt).rows(example)

    render = Asked(tokenizer, "t").render
    asked = fit(prompt, [Turn("user", question)], passages, 1_000, render)
    assert trained[:begin] == asked.tokens


def test_an_answer_ends_at_its_end(tiny: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny)
    example = EXAMPLE.model_copy(update={"answer": "before </s> after"})

    [(ids, begin)] = Tokens(tokenizer, "").rows(example)

    assert ids.index(tokenizer.eos_token_id, begin) == len(ids) - 1
    assert tokenizer.decode(ids[begin:-1]) == "before < /s> after"


def test_an_answer_has_one_line_where_the_model_is_served_no_further(
    tiny: Path, tmp_path: Path
) -> None:
    model = copytree(tiny, tmp_path / "liner")
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    [line_end] = tokenizer.encode("\n", add_special_tokens=False)
    ends = GenerationConfig(eos_token_id=[2, line_end])  # type: ignore[no-untyped-call]
    ends.save_pretrained(model)
    example = EXAMPLE.model_copy(update={"answer": "\nIt is:\n\n- green [1]\n- 3 m  long [2]"})

    def learned(model: Path) -> str:
        job = Job(model_path=model, model_name="t", model_digest=DIGEST, prompt="", policy=ONE_STEP)
        [(ids, begin)] = loop.Trainer(job, tmp_path, [example])._tokens_of.rows(example)
        return str(tokenizer.decode(ids[begin:-1]))

    assert learned(model) == "It is: - green [1] - 3 m long [2]"
    assert learned(tiny) == example.answer


def test_a_model_whose_template_takes_no_system_turn_is_trained(tiny: Path, tmp_path: Path) -> None:
    model = copytree(tiny, tmp_path / "strict")
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = STRICT + TEMPLATE
    tokenizer.save_pretrained(model)
    job = Job(
        model_path=model, model_name="t", model_digest=DIGEST, prompt="Be short.", policy=ONE_STEP
    )

    *_, last = loop.Trainer(job, tmp_path, [EXAMPLE]).run()

    assert (last.step, last.final) == (1, True)
