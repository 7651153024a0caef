"""Desired state: what is served, and who may ask."""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from gyre_events.base import Digest, Event, Share, Text

WHOLE = 10_000  # shares are counted in hundredths of a percent


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
    prompt: Prompt


class Policy(BaseModel):
    """How a route finds, answers and is watched."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    passages: Annotated[int, Field(ge=1, le=20)] = 4
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.25
    max_tokens: Annotated[int, Field(ge=1, le=8192)] = 256
    temperature: Annotated[float, Field(ge=0, le=2)] = 0
    sample: Share = Field(default=1, description="share of live answers that are scored")
    cost_usd_per_1k_tokens: Annotated[float, Field(ge=0)] = 0


class RolloutChanged(Event):
    """The desired state of a route; of two, the higher revision counts. Compacted."""

    topic: ClassVar[str] = "rollout-changed"
    key_field: ClassVar[str] = "route"

    route: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    revision: Annotated[int, Field(ge=1)]
    rollout_id: UUID
    collection: Text
    base: Base
    policy: Policy = Policy()
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
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
