"""From curated examples to an adapter."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gyre_events.base import Digest, Event, Text
from gyre_events.control import Base

Count = Annotated[int, Field(ge=0)]


class Dataset(BaseModel):
    """A frozen list of examples: its manifest is the blob of that digest."""

    model_config = ConfigDict(frozen=True)

    digest: Digest
    examples: Count


class DatasetFrozen(Event):
    """There are enough examples: what a job trains on, and what it never sees."""

    topic: ClassVar[str] = "dataset-frozen"
    key_field: ClassVar[str] = "route"

    job_id: UUID
    route: Text
    train: Dataset
    holdout: Dataset
    replay: Dataset
    conversations: Count = 0
    decided_at: AwareDatetime


class TrainingProgressed(Event):
    """A training has made a step."""

    topic: ClassVar[str] = "training-progressed"
    key_field: ClassVar[str] = "job_id"

    job_id: UUID
    route: Text
    attempt: Annotated[int, Field(ge=1)] = Field(description="counts who took the job over")
    step: Annotated[int, Field(ge=0)]
    steps: Annotated[int, Field(ge=1)]
    loss: float
    learning_rate: Annotated[float, Field(ge=0)]
    tokens: Count = Field(description="read so far")
    elapsed_s: Annotated[float, Field(ge=0)]


class AdapterTrained(Event):
    """An adapter is there, in a folder that is named by its digest and never changes."""

    topic: ClassVar[str] = "adapter-trained"
    key_field: ClassVar[str] = "route"

    job_id: UUID
    route: Text
    base: Base
    adapter_digest: Digest = Field(description="of its manifest.json")
    adapter_uri: Text
    train: Digest
    replay: Digest
    examples: Annotated[int, Field(ge=1)]
    replayed: Count = 0
    steps: Annotated[int, Field(ge=1)]
    loss: float = Field(description="mean of the last tenth of the steps")
    seconds: Annotated[float, Field(ge=0)]
    seed: int
    decided_at: AwareDatetime


class TrainingFailed(Event):
    """A job has ended without an adapter."""

    topic: ClassVar[str] = "training-failed"
    key_field: ClassVar[str] = "route"

    job_id: UUID
    route: Text
    reason: Text
    decided_at: AwareDatetime
