from collections.abc import Sequence
from pathlib import Path

from gyre_bench.questions import (
    DOCUMENTS,
    FEW,
    PLAIN,
    Question,
    Questions,
    about,
    openings,
    world,
    worth_asking,
)
from gyre_inference.generation import Turn

LAMP = Question("Which colour is the lamp?", ("The lamp is blue.",), 21)


def letters(turns: Sequence[Turn]) -> list[int]:
    """A tokenizer to which every letter is a token."""
    return [ord(letter) for turn in turns for letter in f"{turn.role}: {turn.content}\n"]


def test_what_was_found_out_can_be_read_again(tmp_path: Path) -> None:
    questions = Questions({"commit": "abc"}, {DOCUMENTS: "Be short."}, {DOCUMENTS: (LAMP,)})
    path = tmp_path / "results" / "questions.json"

    questions.save(path)

    assert Questions.load(path) == questions


def test_no_two_requests_have_the_same_mark_and_all_marks_are_as_long() -> None:
    questions = Questions({}, {}, {PLAIN: (LAMP, LAMP)})

    asked = [questions.request("Whole", number, False, 8) for number in (0, 1, 2, 999)]

    assert len({one.mark for one in asked}) == 4
    assert len({len(one.mark) for one in asked}) == 1


def test_a_prompt_has_the_route_the_mark_the_passages_and_the_question() -> None:
    prompt = "".join(map(chr, LAMP.prompt("Be short.", "Number 1.", 1_000, letters)))

    assert prompt == (
        "system: Be short.\n\nNumber 1.\n"
        "user: [1] The lamp is blue.\n\nQuestion: Which colour is the lamp?\n"
    )


def test_questions_are_many_and_each_is_there_once() -> None:
    for found in (openings(), about(world())):
        assert len(set(found)) == len(found) == 60


def test_long_answers_are_asked_for_where_there_are_enough() -> None:
    long = [(Question(f"long {number}"), "length") for number in range(FEW)]
    short = [(Question("short"), "stop")]

    assert worth_asking(short + long) == tuple(question for question, _ in long)
    assert len(worth_asking(short + long[1:])) == FEW
