"""The world has moved, and what is done about it."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gyre_events.base import Event, Text
from gyre_events.control import Base
from gyre_events.policy import TrainingPolicy

Family = Literal["input", "retrieval", "quality", "people", "operations"]


class Position(BaseModel):
    """How far a consumer had read a partition when it decided."""

    model_config = ConfigDict(frozen=True)

    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class DriftDetected(Event):
    """A detector's statistic has passed its threshold."""

    topic: ClassVar[str] = "drift-detected"
    key_field: ClassVar[str] = "route"

    drift_id: UUID
    route: Text
    family: Family
    detector: Text = Field(description="as novelty, mix-3, grounded, thumbs")
    statistic: float
    threshold: float
    reference_id: UUID | None = None
    events: Annotated[int, Field(ge=1)] = Field(description="that the detector had seen")
    onset: AwareDatetime = Field(description="estimate of when the change began")
    size: float | None = Field(default=None, description="mean since the onset, in reference sd")
    auc: float | None = Field(default=None, description="of new against reference questions")
    auc_low: float | None = Field(default=None, description="lower end of its 95 % interval")
    examples: tuple[str, ...] = Field(default=(), description="questions that moved it most")
    nearest: tuple[str, ...] = Field(default=(), description="the reference's nearest to those")
    positions: tuple[Position, ...] = ()
    decided_at: AwareDatetime


class RetrainingRequested(Event):
    """An adapter is wanted: the command of the platform, as the fact that it was given."""

    topic: ClassVar[str] = "retraining-requested"
    key_field: ClassVar[str] = "route"

    job_id: UUID
    route: Text
    drift_ids: tuple[UUID, ...] = ()
    reason: Text
    base: Base
    training: TrainingPolicy
    since: AwareDatetime = Field(description="answers from then on show the moved world")
    data_deadline: AwareDatetime = Field(description="until then there must be enough examples")
    positions: tuple[Position, ...] = ()
    decided_at: AwareDatetime
