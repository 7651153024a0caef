from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from gyre_models.batches import Encoder, pad
from gyre_models.evaluate_reference import wilson
from gyre_models.export import MODEL_FOLDER
from gyre_models.facts import Generator
from gyre_models.llama import Llama, Shape
from gyre_models.mimetic import initialise
from gyre_models.muon import orthogonalise
from gyre_models.stages import PLAIN
from gyre_models.tokenizer import load_tokenizer

MEGABYTE = 1_000_000


def test_the_shipped_model_loads_and_is_small() -> None:
    model = AutoModelForCausalLM.from_pretrained(MODEL_FOLDER)
    assert model.dtype == torch.float32
    assert model.config.max_position_embeddings == 2048
    size = sum(path.stat().st_size for path in MODEL_FOLDER.iterdir())
    assert size < 16 * MEGABYTE


def test_the_trainer_computes_what_transformers_computes() -> None:
    theirs = AutoModelForCausalLM.from_pretrained(MODEL_FOLDER)
    config = json.loads((MODEL_FOLDER / "config.json").read_text())
    ours = Llama(Shape(layers=config["num_hidden_layers"]))
    state = theirs.state_dict()
    state.pop("lm_head.weight")
    ours.load_state_dict(state)
    tokens = torch.randint(4, 3072, (2, 40))
    with torch.no_grad():
        difference = theirs(tokens).logits - ours.logits(ours(tokens))
    assert difference.abs().max() < 1e-3


def test_a_row_is_what_the_template_makes() -> None:
    tokenizer = load_tokenizer()
    scene = Generator(4, "train", PLAIN).scene()
    row = Encoder(tokenizer).row(scene)
    question = scene.questions[0]
    first = row.tokens[: row.answers.index(2)]
    text = tokenizer.decode(first, skip_special_tokens=False)
    expected = f"<|begin|>{scene.prompt(question)}<|answer|>{question.answer}<|end|>"
    assert text.startswith(expected)  # the next question about the same passages follows
    assert pad([row]).tokens.shape == pad([row]).answers.shape


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 96, 32), (2, 32, 96)])
def test_muon_brings_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(drawn))
    assert values.median() > 0.6
    assert values.max() < 1.4
    if shape[1] != shape[2]:  # a square matrix may have one close to zero, which takes more steps
        assert values.min() > 0.3


def test_the_start_is_reproducible() -> None:
    tokenizer = load_tokenizer()
    spelled = [tokenizer.id_to_token(index) or "" for index in range(3072)]
    states = []
    for _ in range(2):
        model = Llama(Shape())
        initialise(model, spelled, torch.ones(3072), seed=1)
        states.append(model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_wilson_matches_known_values() -> None:
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490, abs=1e-3)
    assert high == pytest.approx(0.943, abs=1e-3)


def test_the_log_is_shipped() -> None:
    lines = (MODEL_FOLDER / "training-log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["tokens"] > 0
