"""An adapter on its way to people: loaded, measured."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gyre_events.base import Digest, Event, Share, Text

Count = Annotated[int, Field(ge=0)]


class AdapterLoaded(Event):
    """One replica can answer with an adapter, or refuses it, or waits for room for it."""

    topic: ClassVar[str] = "adapter-loaded"
    key_field: ClassVar[str] = "route"

    route: Text
    revision: Annotated[int, Field(ge=1)]
    rollout_id: UUID
    adapter_digest: Digest
    replica: Text
    outcome: Literal["loaded", "refused"]
    reason: str = Field(default="", description="of a refusal")
    waits: bool = Field(
        default=False,
        description="refused only for as long as others take up the room: it is loaded after them",
    )
    seconds: Annotated[float, Field(ge=0)] = 0
    decided_at: AwareDatetime


class Measured(BaseModel):
    """How one subject did on a suite: the share of items passed, with its 95 % interval."""

    model_config = ConfigDict(frozen=True)

    subject: Literal["candidate", "production", "base"]
    adapter_digest: Digest | None = None
    passed: Count
    items: Annotated[int, Field(ge=1)]
    value: Share
    low: Share
    high: Share


class Paired(BaseModel):
    """The candidate against another subject, item by item, with the 95 % interval."""

    model_config = ConfigDict(frozen=True)

    against: Literal["production", "base"]
    gained: Count = Field(description="items that only the candidate passed")
    lost: Count = Field(description="items that only the other one passed")
    difference: Annotated[float, Field(ge=-1, le=1)]
    low: Annotated[float, Field(ge=-1, le=1)]
    high: Annotated[float, Field(ge=-1, le=1)]


class SuiteReport(BaseModel):
    """One suite, asked of every subject with given evidence."""

    model_config = ConfigDict(frozen=True)

    suite: Text
    suite_digest: Digest
    kind: Literal["moved", "kept"]
    subjects: Annotated[tuple[Measured, ...], Field(min_length=1)]
    paired: tuple[Paired, ...] = ()
    unanswered: Count = Field(
        default=0, description="items left out of all figures: not every subject could be heard"
    )


class AdapterEvaluated(Event):
    """A candidate, what is in production and the base have been asked the same questions."""

    topic: ClassVar[str] = "adapter-evaluated"
    key_field: ClassVar[str] = "route"

    evaluation_id: UUID
    route: Text
    rollout_id: UUID
    job_id: UUID | None = None
    adapter_digest: Digest
    suites: tuple[SuiteReport, ...] = ()
    error: str = Field(default="", description="why there are no suites: it counts as not passed")
    seconds: Annotated[float, Field(ge=0)] = 0
    decided_at: AwareDatetime
