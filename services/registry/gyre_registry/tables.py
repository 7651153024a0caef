"""The tables of rollouts, of their evidence, and of where answers come from."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, DateTime
from sqlmodel import Field, SQLModel

WAITING, CANDIDATE, CANARY = "waiting", "candidate", "canary"
PRODUCTION, REJECTED, ROLLED_BACK = "production", "rejected", "rolled-back"
RETIRED = "retired"  # shown, never stored: what was replaced may come back
UNDER_WAY = (CANDIDATE, CANARY)


class Adapter(SQLModel, table=True):
    """An adapter that a training or a person brought to a route; another may have the same."""

    __tablename__: ClassVar[str] = "registry_adapter"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    uri: str
    base_digest: str
    job_id: UUID | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class Rollout(SQLModel, table=True):
    """One adapter's way to production, or not."""

    __tablename__: ClassVar[str] = "registry_rollout"

    tenant: str = Field(primary_key=True)
    rollout_id: UUID = Field(primary_key=True)
    route: str = Field(index=True)
    adapter_digest: str
    job_id: UUID | None = None
    stage: str = Field(index=True)
    step: int = 0  # of the canary, as the policy was then
    share: int = 0  # in 1/10,000
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))  # arm
    gate: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    reason: str = ""
    began_at: datetime = Field(sa_type=DateTime(timezone=True))
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))  # when the step began


class RolloutStep(SQLModel, table=True):
    """A stage that a rollout came to. Rows are added, never changed."""

    __tablename__: ClassVar[str] = "registry_rollout_step"

    tenant: str = Field(primary_key=True)
    rollout_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    stage: str
    share: int
    reason: str
    by: str  # policy, or who asked
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Outcome(SQLModel, table=True):
    """Whether one answer of one arm was bad, to the judge and to a person; None: not said."""

    # Not `registry_outcome`, which a store of before December 2026 has without periods.
    __tablename__: ClassVar[str] = "registry_outcome_of_period"

    tenant: str = Field(primary_key=True)
    rollout_id: UUID = Field(primary_key=True)
    arm: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    period: int  # the revision of the route since which both arms were asked alike
    bad_by_judge: bool | None = None
    bad_by_person: bool | None = None
    shadow: bool


class OutcomeCount(SQLModel, table=True):
    """How many outcomes an arm has in a period: there may be too many to count at each answer."""

    __tablename__: ClassVar[str] = "registry_outcome_count"

    tenant: str = Field(primary_key=True)
    rollout_id: UUID = Field(primary_key=True)
    period: int = Field(primary_key=True)
    arm: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)  # whose word of which answers counts (`counting.py`)
    answers: int = 0
    bad: int = 0
    newest_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class AnswerOrigin(SQLModel, table=True):
    """What an answer was made of. No text of it, only a hash, and nobody's name."""

    __tablename__: ClassVar[str] = "registry_answer_origin"

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    origin: dict[str, Any] = Field(sa_type=JSON)
    text_digest: str = ""  # SHA-256, to tell a correction from a repetition
    at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class Fact(SQLModel, table=True):
    """An event that the lineage of answers leads back to, by what it is about."""

    __tablename__: ClassVar[str] = "registry_fact"

    tenant: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)  # the topic; prompt
    id: str = Field(primary_key=True)
    fact: dict[str, Any] = Field(sa_type=JSON)
