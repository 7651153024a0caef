"""The world has moved, and what is done about it."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gyre_events.base import Digest, Event, Share, Text
from gyre_events.control import Base
from gyre_events.policy import TrainingPolicy

Family = Literal["input", "retrieval", "quality", "people", "operations"]


class Position(BaseModel):
    """How far a consumer had read a partition when it decided."""

    model_config = ConfigDict(frozen=True)

    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Moved(BaseModel):
    """A cluster of questions whose share has changed."""

    model_config = ConfigDict(frozen=True)

    cluster: Annotated[int, Field(ge=0)]
    before: Share
    now: Share
    low: float = Field(description="lower end of the 95 % interval of the change")
    high: float
    examples: tuple[str, ...] = Field(default=(), description="its newest questions")
    nearest: tuple[str, ...] = Field(default=(), description="the reference's nearest to those")


class BatchTest(BaseModel):
    """Whether new questions can be told from the reference's."""

    model_config = ConfigDict(frozen=True)

    name: Text
    value: float
    low: float = Field(description="lower end of its 95 % interval")
    new: Annotated[int, Field(ge=1)] = Field(description="questions that were compared")
    needed: float = Field(description="that `low` has to be above")


class DriftDetected(Event):
    """A detector's statistic has passed its threshold."""

    topic: ClassVar[str] = "drift-detected"
    key_field: ClassVar[str] = "route"

    drift_id: UUID
    route: Text
    family: Family
    detector: Text = Field(description="as novelty, mix, found, grounded, thumbs, retries, latency")
    cause: str = Field(
        default="",
        description="input, mix, knowledge, quality, concept, operations or attack, as far as it "
        "was known then; empty: older than causes",
    )
    statistic: float
    threshold: float
    reference_id: UUID | None = None
    events: Annotated[int, Field(ge=1)] = Field(description="that the detector had seen")
    onset: AwareDatetime = Field(description="estimate of when the change began")
    size: float | None = Field(
        default=None,
        description="how far the mean since the onset is from what is usual, in sd of that; of "
        "mix: half the sum of the differences of shares",
    )
    size_low: float | None = Field(
        default=None, description="lower end of its 95 % interval; null: of mix"
    )
    size_high: float | None = None
    auc: float | None = Field(
        default=None, description="not given: the test follows an alarm, see `remedy-requested`"
    )
    auc_low: float | None = Field(default=None, description="not given, as `auc`")
    test: BatchTest | None = Field(default=None, description="not given, as `auc`")
    examples: tuple[str, ...] = Field(
        default=(),
        description="questions since the onset; of novelty those furthest from the reference, of "
        "mix the newest of the cluster that has grown most, of other detectors none",
    )
    nearest: tuple[str, ...] = Field(default=(), description="the reference's nearest to those")
    moved: tuple[Moved, ...] = Field(
        default=(),
        description="clusters whose shares differ most, whichever detector it is; the most first",
    )
    positions: tuple[Position, ...] = ()
    decided_at: AwareDatetime


class RemedyRequested(Event):
    """What is to be done about a change, or why it is not done now.

    Of one remedy the furthest state counts, whatever order they come in: held and proposed, then
    decided and approved, then refused and lapsed. Who acts, acts on decided and approved ones that
    it knows. A proposed one waits for `RemedyReviewed`, and lapses with the alarms.
    """

    topic: ClassVar[str] = "remedy-requested"
    key_field: ClassVar[str] = "route"

    remedy_id: UUID
    route: Text
    cause: Text = Field(description="as in drift-detected")
    remedy: Text = Field(
        description="nothing, re-index, documents-wanted, prompt, re-activate, retrain or security"
    )
    state: Text = Field(
        default="decided", description="held, proposed, decided, approved, refused or lapsed"
    )
    reason: Text
    by: Text = Field(default="policy", description="who decided")
    drift_ids: tuple[UUID, ...] = ()
    collection: Text
    since: AwareDatetime = Field(description="estimate of when the change began")
    adapter_digest: Digest | None = Field(
        default=None, description="to re-activate; null with that remedy: the base alone"
    )
    reference_id: UUID | None = Field(default=None, description="of the world that has come back")
    job_id: UUID | None = Field(default=None, description="of the training that is asked for")
    person: str | None = Field(default=None, description="who asked most, a pseudonym; security")
    examples: tuple[str, ...] = Field(default=(), description="newest questions since then")
    test: BatchTest | None = None
    positions: tuple[Position, ...] = ()
    decided_at: AwareDatetime

    def asks_for(self, remedy: str) -> bool:
        """Tell whether this remedy is to be carried out, by whoever has it."""
        return self.remedy == remedy and self.state in ("decided", "approved")


class RemedyReviewed(Event):
    """A person has said whether a proposed remedy is carried out."""

    topic: ClassVar[str] = "remedy-reviewed"
    key_field: ClassVar[str] = "route"

    remedy_id: UUID
    route: Text
    approved: bool
    by: Text
    reason: str = ""


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
