from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from gyre_events import AnswerGenerated
from gyre_feedback.curation import Said, Wanted, content_of, rests_on, wanted

from .conftest import answer, feedback

START = datetime(2026, 1, 1, tzinfo=UTC)
PRAISED = Wanted("praised", "3 years [1]")


def said(about: AnswerGenerated, *parts: dict[str, Any]) -> list[Said]:
    """Return feedback in the order in which it was given, a minute apart."""
    return [
        Said(feedback(about, **part), START + timedelta(minutes=minute))
        for minute, part in enumerate(parts)
    ]


@pytest.mark.parametrize(
    ("parts", "want"),
    [
        ([], None),
        ([{"thumb": "up"}], PRAISED),
        ([{"score": 0.8}], PRAISED),
        ([{"score": 0.79}], None),
        ([{"thumb": "down"}], None),
        ([{"thumb": "down", "score": 1.0}], None),
        ([{"comment": "well"}], None),
        ([{"edited_answer": "three"}], Wanted("edited", "three")),
        ([{"thumb": "down", "edited_answer": "three"}], Wanted("edited", "three")),
        # Of one person the newest opinion counts, and a comment is none.
        ([{"thumb": "up"}, {"thumb": "down"}], None),
        ([{"thumb": "down"}, {"thumb": "up"}], PRAISED),
        ([{"thumb": "up"}, {"score": 0.5}], None),
        ([{"thumb": "up"}, {"comment": "thanks"}], PRAISED),
        # Of two people one thumb down is enough.
        ([{"thumb": "up"}, {"thumb": "down", "person": "bob"}], None),
        ([{"thumb": "down", "person": "bob"}, {"thumb": "up"}], None),
        (
            [{"thumb": "down", "person": "bob"}, {"thumb": "up"}, {"score": 0, "person": "bob"}],
            PRAISED,
        ),
        # An edit stands against any opinion, and the newest edit counts.
        ([{"edited_answer": "three"}, {"thumb": "down"}], Wanted("edited", "three")),
        ([{"edited_answer": "three"}, {"thumb": "up", "person": "bob"}], Wanted("edited", "three")),
        ([{"edited_answer": "three"}, {"edited_answer": "four"}], Wanted("edited", "four")),
        # A blank edit is none.
        ([{"edited_answer": " \n"}], None),
        ([{"edited_answer": "three"}, {"edited_answer": " "}], Wanted("edited", "three")),
        # The blanks around one are none of it: a base that ends at a line's end would say nothing.
        ([{"edited_answer": "\n three\nyears \n"}], Wanted("edited", "three\nyears")),
        # Those without a name are one person.
        ([{"thumb": "up", "person": None}, {"thumb": "down", "person": None}], None),
    ],
)
def test_what_is_taught_depends_on_what_was_said_and_not_on_its_arrival(
    parts: list[dict[str, Any]], want: Wanted | None
) -> None:
    about = answer()
    for order in permutations(said(about, *parts)):
        assert wanted(about, order) == want


@pytest.mark.parametrize(
    "change", [{"refused": True}, {"answer": " "}, {"finish_reason": "length"}, {"alone": True}]
)
def test_praise_needs_a_whole_answer_and_an_edit_does_not(change: dict[str, Any]) -> None:
    about = answer(**change)

    praised = PRAISED if "alone" in change else None
    assert wanted(about, said(about, {"thumb": "up"})) == praised
    assert wanted(about, said(about, {"edited_answer": "three"})) == Wanted("edited", "three")


def test_how_an_answer_was_sampled_is_no_part_of_what_a_training_shows() -> None:
    about = answer(alone=False, plain=True)

    assert wanted(about, said(about, {"edited_answer": "three"})) == Wanted("edited", "three")


@pytest.mark.parametrize("change", [{"alone": False}, {"plain": False}, {"passages": ()}])
@pytest.mark.parametrize("part", [{"thumb": "up"}, {"edited_answer": "three"}])
def test_a_question_that_a_training_would_show_otherwise_teaches_nothing(
    change: dict[str, Any], part: dict[str, Any]
) -> None:
    about = answer(**change)

    assert wanted(about, said(about, part)) is None


def test_an_example_names_no_person() -> None:
    about = answer()

    content = content_of(about.answer_id, about, PRAISED.kind, PRAISED.answer)

    assert "asker" not in str(content)
    assert content["passages"][0]["document"] == "pump.md"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("a [1, 3]", {1, 3}), ("a [ 2;3 ]", {2, 3}), ("a [2][9]", {2}), ("a [9]", {1, 2, 3})],
)
def test_an_example_rests_on_every_document_that_its_markers_name(
    text: str, numbers: set[int]
) -> None:
    passages = tuple(answer().passages[0] for _ in range(3))
    about = answer(passages=passages)

    documents = {str(p.document_id) for n, p in enumerate(passages, 1) if n in numbers}
    assert set(rests_on(about, text)) == documents
