"""Desired state: what is served, and who may ask."""

from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from gyre_events.base import Digest, Event, Text
from gyre_events.policy import WHOLE, Policy

Stage = Literal["steady", "candidate", "canary"]


class Base(BaseModel):
    """The model that answers, before any adapter."""

    model_config = ConfigDict(frozen=True)

    name: Text
    digest: Digest


class Prompt(BaseModel):
    """The system message of a route."""

    model_config = ConfigDict(frozen=True)

    digest: Digest = Field(description="of the text, UTF-8")
    text: Text


class Arm(BaseModel):
    """One of the things a conversation may be given."""

    model_config = ConfigDict(frozen=True)

    name: Text
    share: Annotated[int, Field(ge=0, le=WHOLE, description="in 1/10,000")]
    adapter_digest: Digest | None = None
    adapter_uri: str | None = None
    job_id: UUID | None = Field(default=None, description="whose training made the adapter")
    prompt: Prompt


class RolloutChanged(Event):
    """The desired state of a route; of two, the higher revision counts. Compacted.

    Its arms are `production`, and while a rollout lasts `candidate`; an arm without a share is
    loaded and answers only who asks for it, `previous` (what was in production before) as long as
    no other arm needs the room. `rollout_id` stays the same from the candidate to
    the end of its canary.
    """

    topic: ClassVar[str] = "rollout-changed"
    key_field: ClassVar[str] = "route"

    route: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    revision: Annotated[int, Field(ge=1)]
    rollout_id: UUID
    collection: Text
    base: Base
    policy: Policy = Policy()
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    stage: Stage = Field(
        default="steady",
        description="candidate: an arm without a share is measured; canary: it has one",
    )
    reason: str = Field(default="", description="of this revision, for people")
    decided_at: AwareDatetime

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if sum(arm.share for arm in self.arms) != WHOLE:
            raise ValueError(f"the shares of the arms must add up to {WHOLE}")
        return self


class ApiKeyChanged(Event):
    """A key may be used, or no longer. Compacted; `hash` is keyed with the stack's pepper."""

    topic: ClassVar[str] = "api-key-changed"
    key_field: ClassVar[str] = "key_id"

    key_id: Text
    revision: Annotated[int, Field(ge=1)]
    hash: Digest
    scopes: tuple[str, ...] = ("ask", "documents", "feedback", "operate")
    revoked: bool = False
    expires_at: AwareDatetime | None = None
