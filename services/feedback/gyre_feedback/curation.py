"""Which answers become examples, by what people said of them. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from gyre_events import AnswerGenerated, FeedbackGiven, Score
from gyre_events.citing import numbers

PRAISE_FROM = 0.8  # a score that is as good as a thumb up
# What a good answer reaches of each score it has; the first it must have.
GOOD_FROM = {"citation_valid": 1.0, "groundedness_overlap": 0.5, "numbers_supported": 1.0}

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

    The newest edit is the answer wanted, whatever else was said; the blanks around it are not.
    Without one the answer as given is, if somebody praises it and nobody's thumb is down. Of each
    person only the newest opinion (thumb or score) counts; those without a name are one person.

    Args:
        answer: As it was given.
        said: All feedback on it that may count, in any order.
    """
    if not shown_alike(answer):
        return None
    ordered = sorted(said, key=lambda one: one.order)
    edits = [text for one in ordered if (text := (one.feedback.edited_answer or "").strip())]
    if edits:
        return Wanted("edited", edits[-1])
    if not worth_repeating(answer):
        return None
    newest = {one.feedback.person: opinion(one.feedback) for one in ordered if _judges(one)}
    if "down" in newest.values() or "up" not in newest.values():
        return None
    return Wanted("praised", answer.answer)


def shown_alike(answer: AnswerGenerated) -> bool:
    """Say whether a training shows the question of `answer` as it was asked.

    It shows passages and one question: what was asked after earlier turns or without passages had
    another prompt. What is older than `plain` says less, and older than `alone` nothing.
    """
    plain = answer.alone is not False if answer.plain is None else answer.plain
    return plain and bool(answer.passages)


def worth_repeating(answer: AnswerGenerated) -> bool:
    """Say whether an answer may be learned as it was given: no refusal, and not cut at its end."""
    whole = answer.finish_reason == "stop" and answer.answer.strip()
    return shown_alike(answer) and not answer.refused and bool(whole)


def opinion(feedback: FeedbackGiven) -> Literal["up", "down", "neither"]:
    """Return what a feedback says of the answer as given; a thumb says it plainer than a score.

    >>> from uuid import UUID
    >>> opinion(FeedbackGiven(feedback_id=UUID(int=1), answer_id=UUID(int=2), score=0.8))
    'up'
    """
    if feedback.thumb is not None:
        return feedback.thumb
    return "up" if feedback.score is not None and feedback.score >= PRAISE_FROM else "neither"


def scored_good(scores: Iterable[Score]) -> bool:
    """Say whether a judge finds an answer worth keeping as it is.

    >>> valid = Score(name="citation_valid", value=1)
    >>> scored_good([valid, Score(name="groundedness_overlap", value=0.7)])
    True
    >>> scored_good([Score(name="groundedness_overlap", value=1)])
    False
    """
    found = {score.name: score.value for score in scores}
    reached = all(found.get(name, floor) >= floor for name, floor in GOOD_FROM.items())
    return "citation_valid" in found and reached


def rests_on(answer: AnswerGenerated, text: str) -> list[str]:
    """Return the ids of the documents that `text` cites; of all that were shown, if it cites none.

    Args:
        answer: As it was given; `text` is in place of its answer.
        text: With markers that count the answer's passages from 1.
    """
    named = numbers(text)
    cited = [p for number, p in enumerate(answer.passages, 1) if number in named]
    return sorted({str(passage.document_id) for passage in cited or answer.passages})


def can_teach(feedback: FeedbackGiven) -> bool:
    """Say whether a feedback may change a dataset; a comment alone does not, and costs no quota.

    >>> from uuid import UUID
    >>> can_teach(FeedbackGiven(feedback_id=UUID(int=1), answer_id=UUID(int=2), comment="thanks"))
    False
    """
    edited = feedback.edited_answer and feedback.edited_answer.strip()
    return bool(feedback.thumb or feedback.score is not None or edited)


def content_of(
    example_id: UUID, answer: AnswerGenerated, kind: Kind | Literal["unjudged"], text: str
) -> dict[str, Any]:
    """Return the content of an example, ready for JSON.

    It names conversation and documents, because data is split by them, and no person.
    """
    return {
        "id": str(example_id),
        "answer_id": str(answer.answer_id),
        "conversation_id": str(answer.conversation_id),
        "kind": kind,
        "question": answer.question,
        "passages": [passage.model_dump(mode="json") for passage in answer.passages],
        "answer": text,
    }


def _judges(one: Said) -> bool:
    return one.feedback.thumb is not None or one.feedback.score is not None
