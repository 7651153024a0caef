from pathlib import Path

import pytest

from gyre_bench import training
from gyre_bench.errors import BenchError
from gyre_bench.figures import beside
from gyre_bench.plan import counted
from gyre_finetune.training.examples import read_examples
from gyre_finetune.training.job import Job
from gyre_local.environment import Model


def test_a_job_has_an_example_for_every_place_and_nothing_to_replay(tmp_path: Path) -> None:
    training.write(tmp_path, Model("m", str(tmp_path), "f" * 64), steps=3)

    job = Job.read(tmp_path)
    examples = list(read_examples(tmp_path / "examples.jsonl"))
    assert len(examples) == 3 * job.policy.batch_examples
    assert not any(one.replayed for one in examples)
    assert all(one.passages for one in examples)
    assert (job.policy.max_steps, job.policy.replay) == (3, 0)


def test_the_ratio_is_of_medians() -> None:
    found = {training.OURS: [90.0, 10.0, 110.0], training.BARE: [100.0, 200.0, 50.0]}
    assert beside("m", found, "tokens_per_s")["ratio"] == 0.9


def test_a_training_that_fails_is_no_figure() -> None:
    with pytest.raises(BenchError, match="ended with 3"):
        training.speed(("-c", "raise SystemExit(3)"))


def test_seconds_are_those_of_the_last_line() -> None:
    lines = [{"tokens": 1, "elapsed_s": 9}, {"tokens": 60, "elapsed_s": 4.0}]
    code = f"import json; [print(json.dumps(line)) for line in {lines!r}]"
    assert training.speed(("-c", code)) == 15.0


def test_a_number_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPS", "few")
    with pytest.raises(SystemExit, match="STEPS is 'few'"):
        counted("STEPS", 1)
