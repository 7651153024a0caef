from __future__ import annotations

import pytest

from gyre_models.facts import REFUSAL, is_held_out_thing
from gyre_models.shifts import World, known_world, moved_world

WORLDS = {"known": known_world, "moved": moved_world}


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
        assert case.value in texts[case.document]
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
