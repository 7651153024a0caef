from __future__ import annotations

import random
import re

import pytest

from gyre_models import words
from gyre_models.domains import DOMAINS
from gyre_models.facts import REFUSAL, Generator, is_held_out_thing
from gyre_models.shifts import Shift, World, known_world, moved, moved_world, shift_of
from gyre_models.stages import STAGES
from gyre_models.wordings import QUESTIONS, STATEMENTS

WORLDS = {"known": known_world, "moved": moved_world}
WORD = re.compile(r"[a-z]+")


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    return WORLDS[request.param](seed=3)


def test_a_seed_draws_the_same_world_again(world: World) -> None:
    assert world in (known_world(3), moved_world(3))
    assert world not in (known_world(4), moved_world(4))


def test_every_answer_stands_in_its_document(world: World) -> None:
    texts = {document.name: document.text for document in world.documents}
    assert len(texts) == len(world.documents)
    for case in (*world.taught, *world.held_out):
        assert case.document is not None
        assert case.value.lower() in texts[case.document].lower()
    for case in world.without_answer:
        assert case.answer(1) == REFUSAL


def test_no_thing_that_is_taught_is_asked_about_in_the_held_out_questions(world: World) -> None:
    taught = {document.name for document in world.documents if document.taught}
    assert {case.document for case in world.taught} == taught
    assert not taught & {case.document for case in world.held_out}
    assert len(world.held_out) >= 150


def test_the_known_world_is_of_things_that_training_never_saw() -> None:
    assert all(is_held_out_thing(document.thing) for document in known_world(5).documents)


def test_the_answer_is_wanted_in_another_form_after_the_shift() -> None:
    known, moved = known_world(1).taught[0], moved_world(1).taught[0]
    assert known.answer(2) == f"{known.value} [2]"
    assert moved.answer(2) == f"{moved.value} / [2]"
    assert moved.answer(None) == REFUSAL


def test_the_worlds_share_no_thing() -> None:
    known, moved = (
        {document.name for document in draw(seed=1).documents} for draw in WORLDS.values()
    )
    assert not known & moved


def words_of(world: World) -> set[str]:
    """The made-up words of a shift: names of things, and of attributes."""
    texts = [document.text for document in world.documents]
    texts += [case.question for case in (*world.taught, *world.held_out, *world.without_answer)]
    found = set(WORD.findall(" ".join(texts).lower()))
    return {word for word in found if is_made_up(word) and words.is_held_out_word(word)}


def is_made_up(word: str) -> bool:
    if word in words.LISTED:
        return False
    return re.fullmatch(f"({'|'.join(words.SYLLABLES)}){{2,3}}", word) is not None


def test_no_word_of_the_shifts_is_in_what_the_model_was_trained_on() -> None:
    shifted = set().union(*(words_of(moved_world(seed, shift=shift_of(seed))) for seed in range(6)))
    assert len(shifted) > 500
    read: set[str] = set()
    for stage in STAGES.values():
        generator = Generator(1, "train", stage)
        for _ in range(3_000):
            scene = generator.scene()
            asked = " ".join(question.text for question in scene.questions)
            read |= set(WORD.findall(f"{scene.context()} {asked}".lower()))
    assert len(read) > 2_000
    assert len(shifted & read) == 0


def test_no_wording_of_the_shifts_is_one_of_training() -> None:
    own = [attribute for domain in DOMAINS for attribute in domain.attributes]
    known = {*STATEMENTS, *QUESTIONS}
    known |= {text for one in own for text in (*one.statements, *one.questions)}
    assert not known & {*moved.STATEMENTS, *moved.CHANGES, *moved.QUESTIONS}


def test_training_draws_made_up_words_that_no_shift_has() -> None:
    rng = random.Random(1)
    assert not any(words.is_held_out_word(words.made_up(rng)) for _ in range(1_000))
    assert all(words.is_held_out_word(words.made_up(rng, held_out=True)) for _ in range(100))


def test_the_fields_of_a_shift_are_words_that_training_never_has() -> None:
    domains = moved._domains(random.Random(1), foreign=True)
    names = {attribute.name for domain in domains for attribute in domain.attributes}
    assert len(names) > 10
    assert all(words.is_held_out_word(name) for name in names)


def test_six_seeds_have_every_member_of_the_family() -> None:
    assert len({shift_of(seed) for seed in range(6)}) == 6
    assert str(shift_of(0)) == "things+questions+fields+form+policy"
    assert not any(shift == Shift(form=False, policy=False) for shift in moved.FAMILY)


def test_a_changed_policy_gives_two_values_and_the_later_one_counts() -> None:
    world = moved_world(2, shift=Shift(policy=True))
    assert all("on the old list and" in document.text for document in world.documents)
    for case in world.held_out:
        text = next(one.text for one in world.documents if one.name == case.document)
        assert text.rindex(case.value) > len(text) / 2
