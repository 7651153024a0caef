"""What people say of an answer, and what becomes of it."""

from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from gyre_events.answers import OfAnswer, Passage
from gyre_events.base import Digest, Event, Share, Text

Thumb = Literal["up", "down"]


class FeedbackGiven(Event):
    """A person praised, rated, commented on or corrected an answer."""

    topic: ClassVar[str] = "feedback-given"
    key_field: ClassVar[str] = "answer_id"

    feedback_id: UUID
    answer_id: UUID
    person: str | None = Field(default=None, max_length=200)
    thumb: Thumb | None = None
    score: Share | None = None
    comment: Annotated[str, Field(max_length=10_000)] | None = None
    edited_answer: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = (self.thumb, self.score, self.comment, self.edited_answer)
        if all(part is None for part in said):
            raise ValueError("give at least one of thumb, score, comment and edited_answer")
        return self


class VerdictRecorded(OfAnswer):
    """Feedback found its answer. Everyone but the feedback service reads this one."""

    topic: ClassVar[str] = "verdict-recorded"
    key_field: ClassVar[str] = "route"

    feedback_id: UUID
    by: str | None = Field(default=None, description="who gave the feedback, as said")
    thumb: Thumb | None = None
    score: Share | None = None
    comment: str | None = None
    edited_answer: str | None = None
    edit_distance: Share | None = Field(
        default=None,
        description="from the answer to the edited one, in words: 0 the same, 1 nothing is left; "
        "null: not edited, or older than this",
    )
    counts: bool = Field(
        default=True,
        description="false: beyond what one person may say in a day, so nothing is decided by it",
    )
    decided_at: AwareDatetime


class ExampleCurated(Event):
    """A question, its evidence and the answer wanted are part of a dataset now.

    One that is `withdrawn` is no longer: somebody praised the answer, and somebody else did not.
    """

    topic: ClassVar[str] = "example-curated"
    key_field: ClassVar[str] = "route"

    example_id: UUID
    answer_id: UUID
    conversation_id: UUID
    feedback_id: UUID
    route: Text
    kind: Literal["praised", "edited", "withdrawn"]
    question: Text
    passages: tuple[Passage, ...]
    answer: Text
    version: Annotated[int, Field(ge=1)] = Field(description="of the dataset, counted")
    dataset: Digest = Field(description="of that version's manifest")
    examples: Annotated[int, Field(ge=0)] = Field(description="in that version of the dataset")
