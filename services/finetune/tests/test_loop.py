"""How a training goes from step to step."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gyre_events.policy import TrainingPolicy
from gyre_finetune.training import loop
from gyre_finetune.training.examples import Example
from gyre_finetune.training.job import Job

from .conftest import DIGEST

RATE = 1e-3


def rates(
    folder: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, max_seconds: float
) -> list[float]:
    """Return the learning rates of a training each of whose steps takes a second."""
    seconds = iter(range(1_000))
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    policy = TrainingPolicy(
        max_steps=12,
        batch_examples=1,
        replay=0,
        rank=4,
        learning_rate=RATE,
        max_seconds=max_seconds,
    )
    job = Job(
        model_path=tiny,
        model_name="tiny",
        model_digest=DIGEST,
        prompt="",
        policy=policy,
        checkpoint_steps=2,
    )
    folder.mkdir(exist_ok=True)
    examples = [Example(question="What is green?", passages=(), answer="the lamp")]
    return [one.learning_rate for one in loop.Trainer(job, folder, examples).run() if not one.final]


def test_the_rate_is_zero_after_the_last_step(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = [RATE * (12 - step) / 12 for step in range(12)]
    assert rates(tmp_path / "a", tiny, monkeypatch, 12) == pytest.approx(line)
    assert rates(tmp_path / "b", tiny, monkeypatch, 900) == line


def test_the_rate_is_zero_when_the_time_is_over(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = [RATE * (1 - second / 4.5) for second in range(5)]
    assert rates(tmp_path, tiny, monkeypatch, 4.5) == pytest.approx(line)
    assert rates(tmp_path, tiny, monkeypatch, 4.5) == pytest.approx(line[4:]), (
        "the fifth step again"
    )
