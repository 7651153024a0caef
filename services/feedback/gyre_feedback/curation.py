"""Which answers become examples, by what people said of them. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from gyre_events import AnswerGenerated, FeedbackGiven

PRAISE_FROM = 0.8  # a score that is as good as a thumb up

Kind = Literal["praised", "edited"]


@dataclass(frozen=True)
class Said:
    """One feedback, and when it was given: the order of what people said, however it arrives."""

    feedback: FeedbackGiven
    given_at: datetime

    @property
    def order(self) -> tuple[datetime, UUID]:
        return self.given_at, self.feedback.feedback_id


@dataclass(frozen=True)
class Wanted:
    """An answer as it should have been."""

    kind: Kind
    answer: str


def wanted(answer: AnswerGenerated, said: Sequence[Said]) -> Wanted | None:
    """Return what to teach of `answer`, or None.

    The newest edit is the answer wanted, whatever else was said. Without one the answer as
    given is, if it rests on passages, somebody praises it and nobody's thumb is down. Of each
    person only the newest opinion (thumb or score) counts; those without a name are one person.

    Args:
        answer: As it was given.
        said: All feedback on it that may count, in any order.
    """
    ordered = sorted(said, key=lambda one: one.order)
    edits = [one.feedback.edited_answer for one in ordered if one.feedback.edited_answer]
    if edits:
        return Wanted("edited", edits[-1])
    if answer.refused or not answer.passages or not answer.answer.strip():
        return None
    newest = {one.feedback.person: opinion(one.feedback) for one in ordered if _judges(one)}
    if "down" in newest.values() or "up" not in newest.values():
        return None
    return Wanted("praised", answer.answer)


def opinion(feedback: FeedbackGiven) -> Literal["up", "down", "neither"]:
    """Return what a feedback says of the answer as given; a thumb says it plainer than a score.

    >>> from uuid import UUID
    >>> opinion(FeedbackGiven(feedback_id=UUID(int=1), answer_id=UUID(int=2), score=0.8))
    'up'
    """
    if feedback.thumb is not None:
        return feedback.thumb
    return "up" if feedback.score is not None and feedback.score >= PRAISE_FROM else "neither"


def can_teach(feedback: FeedbackGiven) -> bool:
    """Say whether a feedback may change a dataset; a comment alone does not, and costs no quota.

    >>> from uuid import UUID
    >>> can_teach(FeedbackGiven(feedback_id=UUID(int=1), answer_id=UUID(int=2), comment="thanks"))
    False
    """
    return bool(feedback.thumb or feedback.score is not None or feedback.edited_answer)


def content_of(example_id: UUID, answer: AnswerGenerated, wanted: Wanted) -> dict[str, Any]:
    """Return the content of an example, ready for JSON.

    It names conversation and documents, because data is split by them, and no person.
    """
    return {
        "id": str(example_id),
        "answer_id": str(answer.answer_id),
        "conversation_id": str(answer.conversation_id),
        "kind": wanted.kind,
        "question": answer.question,
        "passages": [passage.model_dump(mode="json") for passage in answer.passages],
        "answer": wanted.answer,
    }


def _judges(one: Said) -> bool:
    return one.feedback.thumb is not None or one.feedback.score is not None
