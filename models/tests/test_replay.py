from __future__ import annotations

import json
from pathlib import Path

from gyre_models.replay import EXAMPLES, examples, main

SHIPPED = Path(__file__).parents[1] / "replay" / "reference.jsonl"


def test_the_shipped_file_is_what_the_command_writes(tmp_path: Path) -> None:
    main(tmp_path / "new.jsonl")
    assert (tmp_path / "new.jsonl").read_bytes() == SHIPPED.read_bytes()


def test_an_example_is_complete() -> None:
    for line in SHIPPED.read_text().splitlines():
        example = json.loads(line)
        assert example["question"]
        assert example["answer"]
        assert all(isinstance(passage, str) for passage in example["passages"])


def test_there_are_many_and_not_all_alike() -> None:
    drawn = list(examples())
    assert len({str(example) for example in drawn}) > 0.99 * EXAMPLES
    refused = sum(example["answer"] == "I don't know." for example in drawn)
    assert 0.1 * EXAMPLES < refused < 0.5 * EXAMPLES
