"""A chat template is given what inference gives it, whatever it takes."""

from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from transformers import AutoTokenizer

from gyre_events.policy import TrainingPolicy
from gyre_finetune.training import loop
from gyre_finetune.training.examples import Example, messages, takes_system
from gyre_finetune.training.job import Job
from gyre_inference.generation import Turn
from gyre_inference.prompting import fit
from gyre_inference.tokens import Tokens

from .conftest import DIGEST, TEMPLATE

# As Gemma's.
STRICT = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
EXAMPLE = Example(question="What is green?", passages=(), answer="the lamp")


@pytest.mark.parametrize("template", [TEMPLATE, STRICT + TEMPLATE])
@pytest.mark.parametrize("prompt", ["Be short.", " Be short.\n", " "])
def test_what_is_trained_is_what_is_asked(tiny: Path, template: str, prompt: str) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = template
    conversation = messages(EXAMPLE, prompt, system=takes_system(tokenizer))
    trained = tokenizer.apply_chat_template(
        conversation, add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]

    asked = fit(prompt, [Turn("user", EXAMPLE.question)], [], 1_000, Tokens(tokenizer, "t").render)
    assert trained == asked.tokens


def test_a_model_whose_template_takes_no_system_turn_is_trained(tiny: Path, tmp_path: Path) -> None:
    model = copytree(tiny, tmp_path / "strict")
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = STRICT + TEMPLATE
    tokenizer.save_pretrained(model)
    policy = TrainingPolicy(max_steps=1, batch_examples=1, replay=0, rank=4)
    job = Job(
        model_path=model, model_name="t", model_digest=DIGEST, prompt="Be short.", policy=policy
    )

    *_, last = loop.Trainer(job, tmp_path, [EXAMPLE]).run()

    assert (last.step, last.final) == (1, True)
