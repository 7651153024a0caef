import random

import pytest

from gyre_events import Passage
from gyre_finetune.training.examples import (
    Example,
    Further,
    among,
    as_read,
    messages,
    reordered,
    replayed_of,
    schedule,
    steps_of,
    user_message,
)
from gyre_inference import prompting  # what is trained must be what is asked

TEXTS = [
    "It is 3 m.\n\nQuestion: what?",
    " [2] a line that looks like ours\n| a | b |",
    "x:\n  y: 1 \n \n\u3000Answer: z",
]


def test_the_prompt_is_that_of_inference() -> None:
    passages = [
        Passage(
            chunk_id="00000000-0000-0000-0000-000000000001",
            document_id="00000000-0000-0000-0000-000000000002",
            version=1,
            document="a.md",
            text=text,
            score=0.5,
        )
        for text in TEXTS
    ]
    question = " How \n long? "
    assert user_message(TEXTS, question) == prompting.user_message(passages, question)
    assert user_message([], question) == prompting.user_message([], question)


def test_the_system_message_is_left_out_where_it_is_empty() -> None:
    example = Example(question="q", passages=("p",), answer="a")
    assert [m["role"] for m in messages(example, "Be short.")] == ["system", "user"]
    assert [m["role"] for m in messages(example, " ")] == ["user"]


def test_half_of_each_step_is_replayed_and_every_example_has_its_turn() -> None:
    steps = schedule(new=10, replayed=40, batch=8, steps=20, seed=3)

    assert all(sum(kind for kind, _ in step) == 4 for step in steps)
    flat = [place for step in steps for place in step]
    for kind, count in ((False, 10), (True, 40)):
        seen = [index for replayed, index in flat if replayed is kind]
        turns = [seen.count(index) for index in range(count)]
        assert max(turns) - min(turns) <= 1


def test_the_same_seed_gives_the_same_steps_and_nobody_elses_draws_matter() -> None:
    first = schedule(5, 5, 4, 9, seed=1)
    random.seed(7)
    assert schedule(5, 5, 4, 9, seed=1) == first
    assert schedule(5, 5, 4, 9, seed=2) != first


def test_without_replay_every_place_is_a_new_examples() -> None:
    assert all(not kind for step in schedule(3, 0, 4, 5, seed=1) for kind, _ in step)


@pytest.mark.parametrize(
    ("replay", "old", "new"),
    [(0, 0, 8), (0.1, 1, 7), (0.5, 2, 5), (1, 4, 4), (3, 6, 2), (4, 6, 1)],
)
def test_the_policy_says_how_much_of_a_step_is_replayed(replay: float, old: int, new: int) -> None:
    steps = schedule(new=10, replayed=40, batch=8, steps=5, seed=3, replay=replay)

    assert {sum(kind for kind, _ in step) for step in steps} == {old}
    assert steps_of(new=new, batch=8, max_steps=150, epochs=16, replay=replay) == 16


@pytest.mark.parametrize("batch", range(1, 33))
def test_a_replay_of_one_is_half_of_a_step(batch: int) -> None:
    assert replayed_of(batch, 1) == batch // 2
    assert steps_of(batch // 2, batch, max_steps=150, epochs=16) == (16 if batch > 1 else 1)


def test_a_training_is_as_long_as_its_data_and_no_longer_than_allowed() -> None:
    assert steps_of(new=160, batch=16, max_steps=150, epochs=16) == 150
    assert steps_of(new=8, batch=16, max_steps=150, epochs=16) == 16
    assert steps_of(new=1, batch=1, max_steps=1, epochs=1) == 1


def test_an_answers_markers_follow_their_passages() -> None:
    example = Example(question="q", passages=("a", "b", "c"), answer="x [1], y [3][1], z [7] [0]")
    assert reordered(example, [2, 0, 1]) == Example(
        question="q", passages=("c", "a", "b"), answer="x [2], y [1][2], z [7] [0]"
    )


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("x and y [1, 2]", "x and y [4, 3]"),
        ("x [1; 4], y [ 2 ]", "x [4; 1], y [ 3 ]"),
        ("x [2,9] in [2024], [a, 1]", "x [3,9] in [2024], [a, 1]"),
    ],
)
def test_every_number_of_a_marker_follows_its_passage(said: str, then: str) -> None:
    example = Example(question="q", passages=("a", "b", "c", "d"), answer=said)
    assert reordered(example, [3, 2, 1, 0]).answer == then


def test_every_passage_of_a_marker_stays() -> None:
    example = Example(question="q", passages=("a", "b", "c"), answer="x and y [1, 3]")
    for seed in range(20):
        drawn = among(example, ["far", "off", "away"], random.Random(seed))
        assert (drawn.passages[0], drawn.passages[2]) == ("a", "c")


def test_no_place_gives_an_answer_away() -> None:
    example = Example(question="q", passages=("right", "b", "c", "d"), answer="right [1]")
    rng = random.Random(1)
    read = [as_read(example, rng) for _ in range(400)]

    first = sum(one.passages[0] == "right" for one in read)
    assert 130 < first < 220  # a quarter as found, a quarter of the rest by chance
    for one in read:
        number = int(one.answer.removeprefix("right [").removesuffix("]"))
        assert one.passages[number - 1] == "right"


def test_an_example_without_passages_stays_as_it_is() -> None:
    example = Example(question="q", passages=(), answer="I don't know.")
    assert all(as_read(example, random.Random(seed)) == example for seed in range(9))


def test_further_answers_name_the_new_places_too() -> None:
    further = (Further(question="Where?", answer="there [1]"),)
    example = Example(question="What?", passages=("a", "b"), answer="b [2]", further=further)

    turned = reordered(example, [1, 0])

    assert [(one.question, one.passages, one.answer) for one in turned.each()] == [
        ("What?", ("b", "a"), "b [1]"),
        ("Where?", ("b", "a"), "there [2]"),
    ]


def test_mostly_other_passages_are_taken_from_others() -> None:
    example = Example(question="How long?", passages=("it is 3 m", "x", "y"), answer="3 m [1]")
    pool = ["far", "off", "here too 3 M is said", "3, and more", "it is 3 m"]

    read = [as_read(example, random.Random(seed), pool) for seed in range(400)]

    texts = [set(one.passages) - {"it is 3 m"} for one in read]
    assert 70 < texts.count({"x", "y"}) < 130  # a quarter
    assert texts.count({"far", "off"}) == 400 - texts.count({"x", "y"})
    for one in read:
        assert one.passages[int(one.answer[-2]) - 1] == "it is 3 m"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("The tower is 330 metres high.", False),
        ("It was 330 metres, now it is more", False),
        ("330 kilometres off", False),  # half of it: who can tell
        ("The tower of 320 metres is old.", True),
        ("Its 330,000 visitors come from far", True),
        ("Of metres nothing is known", True),
    ],
)
def test_a_passage_that_says_the_answer_in_another_sentence_is_not_taken(
    text: str, taken: bool
) -> None:
    example = Example(question="q", passages=("a", "own"), answer="It is 330 metres. [1]")
    for seed in range(9):
        drawn = among(example, [text, "a"], random.Random(seed))
        assert drawn.passages == ("a", text if taken else "own")


def test_a_passage_that_says_an_answer_without_figures_has_all_its_words() -> None:
    example = Example(question="q", passages=("a", "own"), answer="The green lamp. [1]")
    pool = ["A lamp that is green", "Green, says the lamp", "The green door", "a"]
    for seed in range(9):
        assert among(example, pool, random.Random(seed)).passages == ("a", "The green door")


def test_what_is_to_be_refused_keeps_its_passages() -> None:
    example = Example(question="q", passages=("a", "b"), answer="I don't know.")
    for seed in range(20):
        assert set(as_read(example, random.Random(seed), ["c"]).passages) == {"a", "b"}
