from __future__ import annotations

import pytest

from gyre_models.domains import DOMAINS
from gyre_models.facts import REFUSAL, Generator, Style, is_held_out_thing, is_held_out_wording
from gyre_models.stages import STAGES
from gyre_models.wordings import QUESTIONS, STATEMENTS


def test_the_same_seed_draws_the_same_scenes() -> None:
    first, second = (Generator(3, "train", Style()) for _ in range(2))
    assert [first.scene() for _ in range(50)] == [second.scene() for _ in range(50)]


def test_another_seed_or_split_draws_others() -> None:
    scenes = {
        Generator(seed, split, Style()).scene()
        for seed in (1, 2)
        for split in ("train", "held-out")
    }
    assert len(scenes) == 4


@pytest.mark.parametrize("stage", sorted(STAGES))
@pytest.mark.parametrize("split", ["train", "held-out"])
def test_the_cited_passage_holds_the_value(stage: str, split: str) -> None:
    generator = Generator(5, "train" if split == "train" else "held-out", STAGES[stage])
    for _ in range(300):
        scene = generator.scene()
        for question in scene.questions:
            if question.passage == 0:
                assert question.answer == REFUSAL
                continue
            value, cited = question.answer.removesuffix("]").rsplit(" [", 1)
            assert int(cited) == question.passage
            assert value.lower() in scene.passages[question.passage - 1].lower()


def test_training_never_sees_a_held_out_thing() -> None:
    generator = Generator(1, "train", STAGES["full"])
    held_out = Generator(1, "held-out", STAGES["full"])
    for _ in range(300):
        for domain in DOMAINS:
            assert not is_held_out_thing(generator._thing(domain))
            assert is_held_out_thing(held_out._thing(domain))


def test_training_never_uses_a_held_out_wording() -> None:
    training = Generator(1, "train", Style(plain=0.0))
    unseen = Generator(1, "train", Style(held_out_wording=True))
    for domain in DOMAINS:
        for attribute in domain.attributes:
            for shared in (STATEMENTS, QUESTIONS):
                drawn = {training._wording(attribute, shared, ()) for _ in range(200)}
                assert not any(is_held_out_wording(attribute, wording) for wording in drawn)
                other = {unseen._wording(attribute, shared, ()) for _ in range(50)}
                assert not (drawn & other) - {shared[0]}


def test_the_prompt_has_the_form_of_the_service() -> None:
    scene = Generator(2, "train", Style(passages=(2, 2))).scene()
    prompt = scene.prompt(scene.questions[0])
    one, two = scene.passages
    assert prompt == f"[1] {one}\n[2] {two}\n\nQuestion: {scene.questions[0].text}"
