"""`/v1/feedback`: what people say of answers."""

from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, field_validator, model_validator

from gyre_events import FeedbackGiven
from gyre_gateway.asking import IdempotencyKey
from gyre_gateway.gateway import Critic, Parts
from gyre_gateway.openai_wire.base import Shown, UuidText, Wire, unix_lines
from gyre_gateway.openai_wire.errors import REPEATED
from gyre_gateway.people import pseudonym
from gyre_gateway.repeating import event_id
from gyre_service.ids import now

router = APIRouter(tags=["feedback"])


class Feedback(Wire):
    """At least one of thumb, score, comment and edited_answer. The answer may come later.

    `person`: the `user` of a question, or the pseudonym that an answer shows.
    """

    answer_id: UuidText
    person: Annotated[str, Field(max_length=200)] | None = None
    thumb: Literal["up", "down"] | None = None
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    comment: Annotated[str, Field(max_length=10_000)] | None = None
    edited_answer: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None

    @field_validator("edited_answer")
    @classmethod
    def _is_written(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is blank: write the answer as it should have been, or leave it out")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.thumb, self.score, self.comment, self.edited_answer) == (None,) * 4:
            raise ValueError("give at least one of thumb, score, comment and edited_answer")
        return self


class AcceptedFeedback(Shown):
    feedback_id: UUID
    object: Literal["feedback"] = "feedback"
    answer_id: UUID


@router.post("/v1/feedback", status_code=202, responses=REPEATED)
async def give_feedback(
    body: Feedback, parts: Parts, caller: Critic, idempotency_key: IdempotencyKey = None
) -> AcceptedFeedback:
    """Accept feedback: 202 means that it will not be lost."""
    parts.backlog.check("feedback")
    said = body.model_dump()
    id = await event_id(parts.sessions, caller.tenant, "feedback", idempotency_key, said)
    person = pseudonym(body.person, caller.tenant, parts.pepper) or None
    # After its id, which keys of before this was so have of the body as it was sent.
    written = {name: unix_lines(said[name]) for name in ("comment", "edited_answer") if said[name]}
    event = FeedbackGiven.model_validate(said | written | {"feedback_id": id, "person": person})
    await parts.announce(event, caller.tenant, id, now())
    return AcceptedFeedback(feedback_id=id, answer_id=event.answer_id)
