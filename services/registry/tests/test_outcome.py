from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from gyre_events import Score, VerdictRecorded
from gyre_registry.outcome import digest_of, of_scores, of_verdict


def verdict(**said: Any) -> VerdictRecorded:
    fields: dict[str, Any] = {
        "feedback_id": uuid4(),
        "answer_id": uuid4(),
        "conversation_id": uuid4(),
        "route": "default",
        "rollout_id": uuid4(),
        "model": "reference",
        "decided_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return VerdictRecorded(**fields | said)


@pytest.mark.parametrize(
    ("said", "bad"),
    [
        ({"thumb": "down"}, True),
        ({"thumb": "up"}, False),
        ({"score": 0.49}, True),
        ({"score": 0.5}, False),
        ({"thumb": "up", "score": 0.1}, False),
        ({"comment": "hm"}, None),
        ({"thumb": "down", "counts": False}, None),
        ({"edited_answer": "It is red.", "counts": False}, None),
        ({"edited_answer": "It is red."}, True),
        ({"edited_answer": "It is red.", "thumb": "up"}, True),
        ({"edited_answer": " It is blue.\n"}, None),  # sent back as it was
        ({"edited_answer": "It is blue.", "thumb": "up"}, False),
        ({"edited_answer": "It is blue.", "thumb": "down"}, True),
    ],
)
def test_what_a_person_finds_bad(said: dict[str, Any], bad: bool | None) -> None:
    assert of_verdict(verdict(**said), digest_of("It is blue.\n")) is bad


def test_an_edit_of_an_answer_that_is_not_known_is_a_correction() -> None:
    assert of_verdict(verdict(edited_answer="It is blue.")) is True


def scores(**values: float) -> list[Score]:
    return [Score(name=name, value=value) for name, value in values.items()]


@pytest.mark.parametrize(
    ("found", "bad"),
    [
        (scores(refusal=0, citation_valid=1), False),
        (scores(citation_valid=0.9), True),
        (scores(citation_valid=1, groundedness_overlap=0.49), True),
        (scores(citation_valid=1, groundedness_overlap=0.5), False),
        (scores(citation_valid=1, numbers_supported=0), True),
        (scores(length_words=12, groundedness_embedding=0.1), None),
        ([], None),
        # "The office is in Oslo.", from passages, is worse than "I don't know."
        (scores(refusal=0, length_words=5, cites=0, groundedness_overlap=1), True),
        (scores(refusal=0, cites=1, citation_valid=1, groundedness_overlap=1), False),
        ([Score(name="refusal", value=1, label="suspicious")], None),
        ([Score(name="refusal", value=1, label="no passage"), *scores(citation_valid=0)], None),
    ],
)
def test_what_the_judge_finds_bad(found: list[Score], bad: bool | None) -> None:
    assert of_scores(found) is bad
