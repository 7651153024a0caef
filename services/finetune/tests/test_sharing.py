"""Questions about the same passages are learned as if each stood alone, for less."""

from pathlib import Path
from typing import Any

import pytest
import torch

from gyre_events.policy import TrainingPolicy
from gyre_finetune.training import loop
from gyre_finetune.training.examples import Example, Further
from gyre_finetune.training.job import Job

from .conftest import DIGEST

PASSAGES = ("The lamp in the hall is green, and it costs twelve euros at the fair in town.",)
ASKED = (("What is green?", "the lamp [1]"), ("How much is it?", "12 [1]"), ("Where?", "Here [1]"))


def trained(
    folder: Path, tiny: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[float], int]:
    """Return the losses of three steps, each of all examples, and the tokens that were read."""
    monkeypatch.setattr(loop, "best_dtype", lambda _: "float32")  # else they differ by rounding
    job = Job(
        model_path=tiny,
        model_name="tiny",
        model_digest=DIGEST,
        prompt="Be short.",
        policy=TrainingPolicy(max_steps=3, batch_examples=len(examples), replay=0, rank=4),
    )
    folder.mkdir()
    trainer = loop.Trainer(job, folder, examples)
    read = 0

    def count(_: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal read
        read += inputs[0].numel()

    trainer.model.get_input_embeddings().register_forward_pre_hook(count)
    return [step.loss for step in trainer.run()], read


def test_they_are_learned_alike_and_their_passages_read_once(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [Example(question=q, passages=PASSAGES, answer=a) for q, a in ASKED]
    further = tuple(Further(question=q, answer=a) for q, a in ASKED[1:])
    beside = alone[0].model_copy(update={"further": further})
    monkeypatch.setattr(loop, "SHARED", 2)
    losses, much = trained(tmp_path / "alone", tiny, alone, monkeypatch)
    monkeypatch.undo()

    together, less = trained(tmp_path / "together", tiny, [beside], monkeypatch)

    assert together == pytest.approx(losses, rel=1e-4)
    assert losses[2] < losses[0]
    assert less < 0.7 * much


def test_an_example_one_of_whose_questions_is_too_long_is_left_out(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = Further(question="word " * 500, answer="no")
    example = Example(question="What?", passages=PASSAGES, answer="this", further=(long,))
    with pytest.raises(loop.TooFew):
        trained(tmp_path / "job", tiny, [example], monkeypatch)
