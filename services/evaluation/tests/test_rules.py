import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gyre_evaluation.scoring import Encoding, Judged, score, texts_to_embed
from gyre_events import Score

PASSAGES = ("The tower was built in 1889.", "It has three levels and 1,665 steps.")


def judge(
    answer: str,
    *,
    passages: tuple[str, ...] = PASSAGES,
    refused: bool = False,
    top_score: float | None = 0.7,
) -> dict[str, Score]:
    judged = Judged("When was the tower built?", answer, passages, top_score, refused)
    texts = texts_to_embed(judged)
    encoding = Encoding("ones", np.ones((len(texts), 2), np.float32)) if texts else None
    return {found.name: found for found in score(judged, encoding)}


def test_what_is_embedded_is_no_longer_than_the_encoder_takes() -> None:
    texts = texts_to_embed(Judged("Why?", "so " * 20_000, ("word " * 10_000, "x"), 0.7, False))

    assert [len(text) for text in texts] == [32_000, 32_000, 1]


def test_what_is_embedded_is_never_blank() -> None:
    late = "\n" * 32_000 + "The tower."

    assert texts_to_embed(Judged("Why?", "So.", (late, " \n"), 0.7, False)) == ["So.", "The tower."]
    assert texts_to_embed(Judged("Why?", "So.", (" \n",), 0.7, False)) == []


def test_an_invented_year_is_seen() -> None:
    scores = judge("The tower was built in 1890 [1].")

    assert scores["numbers_supported"].value == 0
    assert scores["groundedness_overlap"].value == pytest.approx(2 / 3)


def test_a_number_may_be_grouped_or_a_word() -> None:
    assert judge("It has 1665 steps on 3 levels [2].")["numbers_supported"].value == 1


def test_a_number_of_the_question_may_be_repeated() -> None:
    judged = Judged("Who came in 1999?", "In 1999 nobody came.", PASSAGES, 0.7, False)
    scores = {found.name: found.value for found in score(judged, None)}

    assert scores["numbers_supported"] == 1


def test_a_passage_that_was_not_given_cannot_be_cited() -> None:
    scores = judge("Built in 1889 [1], has 1,665 steps [5].")

    assert scores["citation_valid"].value == 0.5
    assert scores["citation_valid"].explanation == "cites [5], given were 2 passages"
    assert scores["cites"].value == 1


def test_an_answer_that_cites_nothing() -> None:
    scores = judge("It was built in 1889.")

    assert "citation_valid" not in scores
    assert scores["cites"].value == 0


def test_an_answer_that_cites_only_strays() -> None:
    scores = judge("It was built in 1889 [9].")

    assert (scores["citation_valid"].value, scores["cites"].value) == (0, 0)


def test_words_of_another_passage_than_the_cited_one_do_not_ground() -> None:
    assert judge("It has 1,665 steps [1].")["groundedness_overlap"].value == 0
    assert judge("It has 1,665 steps [2].")["groundedness_overlap"].value == 1


@pytest.mark.parametrize(("top_score", "label"), [(0.8, "suspicious"), (0.2, "without evidence")])
def test_a_refusal_is_only_a_refusal(top_score: float, label: str) -> None:
    scores = judge("I don't know.", refused=True, top_score=top_score)

    assert set(scores) == {"refusal", "length_words"}
    assert scores["refusal"].value == 1
    assert scores["refusal"].label == label


def test_without_passages_nothing_is_said_of_grounds() -> None:
    scores = judge("Built in 1889 [1].", passages=(), top_score=None)

    assert set(scores) == {"refusal", "length_words", "citation_valid"}
    assert scores["citation_valid"].value == 0


@pytest.mark.parametrize("text", ["", "   ", "[1]", "...", "\x00", "👍"])
def test_an_answer_without_words(text: str) -> None:
    scores = judge(text)

    assert scores["length_words"].value == 0
    assert "groundedness_overlap" not in scores
    assert "numbers_supported" not in scores


@pytest.mark.parametrize("text", ["", "Yes.", "1 2 3 [1][2][3]", "Der Turm [1, 2].", "塔は[1]"])
def test_every_score_but_the_length_is_a_share(text: str) -> None:
    for name, found in judge(text).items():
        assert name == "length_words" or 0 <= found.value <= 1


def test_a_vector_of_nothing_supports_nothing() -> None:
    judged = Judged("q", "a b", PASSAGES, 0.7, False)
    zero = Encoding("zeros", np.zeros((3, 2), np.float32))
    scores = {found.name: found.value for found in score(judged, zero)}

    assert scores["groundedness_embedding"] == 0


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", [" ", "\n", "[1", "[ ", "1,", "'", "a ", "[1][", "\n1. "])
def test_a_babbling_model_does_not_hold_the_judge_up(piece: str) -> None:
    scores = judge(piece * 100_000)

    assert scores["refusal"].value == 0


@settings(deadline=None)  # the machine may be busy
@given(st.text(), st.lists(st.text(), max_size=3), st.booleans())
def test_whatever_is_said_scores_are_shares(answer: str, passages: list[str], no: bool) -> None:
    scores = judge(answer, passages=tuple(passages), refused=no)

    for name, found in scores.items():
        assert name == "length_words" or 0 <= found.value <= 1
