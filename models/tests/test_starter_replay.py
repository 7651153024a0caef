from __future__ import annotations

import json
from pathlib import Path

from gyre_models.facts import REFUSAL
from gyre_models.starter.asked import Asked, read_asked, read_passages
from gyre_models.starter.examples import is_held_out
from gyre_models.starter.replay import EXAMPLES, main

SHIPPED = Path(__file__).parents[1] / "replay" / "gemma-3-270m.jsonl"
ROWS = [json.loads(line) for line in SHIPPED.read_text(encoding="utf-8").splitlines()]


def test_the_shipped_file_is_what_the_command_writes(tmp_path: Path) -> None:
    main(tmp_path / "new.jsonl")
    assert (tmp_path / "new.jsonl").read_bytes() == SHIPPED.read_bytes()


def test_what_is_kept_to_choose_by_is_not_in_it() -> None:
    held = {one.text for one in read_passages().values() if is_held_out(one.document)}
    assert held.isdisjoint(text for row in ROWS for text in row["passages"])


def test_an_answer_cites_the_passage_that_was_asked_about() -> None:
    passages = read_passages()
    asked: dict[str, list[Asked]] = {}
    for one in read_asked():
        asked.setdefault(one.question, []).append(one)
    for row in ROWS:
        wanted = {
            f"{one.answer.rstrip('. ')} [{row['passages'].index(text) + 1}]"
            if one.answer
            else REFUSAL
            for one in asked[row["question"]]
            if (text := passages[one.passage].text) in row["passages"]
        }
        assert row["answer"] in wanted


def test_a_fifth_has_no_answer_and_no_question_comes_twice() -> None:
    assert sum(row["answer"] == REFUSAL for row in ROWS) == EXAMPLES / 5
    assert len({row["question"] for row in ROWS}) == EXAMPLES
