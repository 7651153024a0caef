from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from gyre_models.facts import REFUSAL
from gyre_models.starter.asked import FOLDER, Asked, Passage, read_asked, read_passages
from gyre_models.starter.examples import SHOWN, WORDS, Maker, is_held_out

LICENCES = {"Apache-2.0", "MIT", "MIT OR Apache-2.0", "CC0-1.0", "CC-BY-4.0"}
PASSAGES = [
    Passage(f"p{number}", f"doc{number // 2}", "", f"number {number} " + "word " * 60)
    for number in range(12)
]
RANKED = list(range(12))


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_question_is_about_a_passage_that_is_there() -> None:
    passages, asked = read_passages(), read_asked()
    assert len(asked) > 9_000
    assert {one.passage for one in asked} == passages.keys()
    assert len({(one.passage, one.question.lower()) for one in asked}) == len(asked)


def test_answers_are_one_short_line_without_a_citation() -> None:
    for one in read_asked():
        if one.answer is not None:
            assert 1 <= len(one.answer.split()) <= 32, one
            assert not re.search(r"\n|\[\d+\]", one.answer), one


@pytest.mark.parametrize("part", ["data", "suite"])
def test_texts_are_permissively_licensed(part: str) -> None:
    assert {row["licence"] for row in rows(FOLDER / part / "passages.jsonl")} <= LICENCES


def test_nothing_of_the_suite_is_in_the_data() -> None:
    """Neither a document of the suite, nor a passage, nor a question."""

    def places(part: str) -> set[object]:
        read = rows(FOLDER / part / "passages.jsonl")
        return {(row["source"], str(row["file"]).rpartition("/")[2]) for row in read}

    def texts(part: str) -> set[object]:
        return {row["text"] for row in rows(FOLDER / part / "passages.jsonl")}

    assert not places("data") & places("suite")
    assert not texts("data") & texts("suite")
    asked = {one.question.lower() for one in read_asked()}
    assert not asked & {
        str(row["question"]).lower() for row in rows(FOLDER / "suite/questions.jsonl")
    }


def test_an_answer_names_the_place_of_its_passage() -> None:
    maker = Maker(PASSAGES, seed=3)
    for _ in range(200):
        made = maker.example([Asked("p5", "Which number?", "number 5.")], RANKED)
        answer, number = re.fullmatch(r"(.*) \[(\d+)\]", made.answer).groups()  # type: ignore[union-attr]
        assert answer == "number 5"
        assert made.passages[int(number) - 1].startswith("number 5 ")


def test_questions_about_one_passage_are_one_example() -> None:
    asked = [Asked("p5", f"Question {n}?", f"number {n}") for n in range(4)]
    asked += [Asked("p1", "Which colour?", None)]

    made = list(Maker(PASSAGES, 5).examples(asked, [RANKED] * 5))

    about = [one for one in made if any(text.startswith("number 5 ") for text in one.passages)]
    [whole] = [one for one in about if one.further]
    answers = {whole.question: whole.answer} | {one.question: one.answer for one in whole.further}
    assert answers.keys() == {f"Question {n}?" for n in range(4)}
    assert len({answer.rpartition(" ")[2] for answer in answers.values()}) == 1


def test_a_question_without_an_answer_is_refused_beside_its_passage() -> None:
    maker = Maker(PASSAGES, seed=3)
    made = maker.example([Asked("p5", "Which colour?", None)], RANKED)
    assert made.answer == REFUSAL
    assert any(text.startswith("number 5 ") for text in made.passages)


def test_without_its_document_an_answer_is_a_refusal() -> None:
    maker = Maker(PASSAGES, seed=3)
    for _ in range(50):
        made = maker.without(Asked("p5", "Which number?", "number 5"), RANKED)
        assert made.answer == REFUSAL
        assert not any(text.startswith(("number 4 ", "number 5 ")) for text in made.passages)


def test_prompts_are_bounded() -> None:
    maker = Maker(PASSAGES, seed=3)
    for _ in range(100):
        made = maker.example([Asked("p5", "Which number?", "number 5")], RANKED)
        assert 1 <= len(made.passages) <= SHOWN + 1
        words = sum(len(text.split()) for text in made.passages)
        assert words <= max(WORDS) or len(made.passages) == 1


def test_the_same_seed_makes_the_same() -> None:
    asked = [Asked("p5", "Which number?", "number 5"), Asked("p1", "Which colour?", None)] * 10
    first, second = (list(Maker(PASSAGES, 7).examples(asked, [RANKED] * 20)) for _ in range(2))
    assert first == second
    assert any(a != b for a, b in pairwise(first))


def test_whole_documents_are_held_out() -> None:
    documents = {passage.document for passage in read_passages().values()}
    kept = {document for document in documents if is_held_out(document)}
    assert 0.02 < len(kept) / len(documents) < 0.1
