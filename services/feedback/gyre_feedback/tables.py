"""The tables of this service."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, DateTime, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class Answer(SQLModel, table=True):
    """A live answer that feedback may be about, or the place where feedback waits for one."""

    __tablename__: ClassVar[str] = "feedback_answer"

    tenant: str = Field(primary_key=True)
    answer_id: UUID = Field(primary_key=True)
    event: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    stored_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), index=True
    )  # by our clock; null: only feedback or scores are here
    given_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    scored_good: bool = False


class Feedback(SQLModel, table=True):
    """One feedback, and what came of it.

    Its verdict is published by whichever came second, feedback or answer: a redelivery of that
    event, `joined_source` and `joined_id`, publishes the same again.
    """

    __tablename__: ClassVar[str] = "feedback_feedback"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("tenant", "source", "event_id"),
        Index("ix_feedback_answer_id", "tenant", "answer_id"),
        Index("ix_feedback_joined_id", "tenant", "joined_id"),
    )

    tenant: str = Field(primary_key=True)
    feedback_id: UUID = Field(primary_key=True)
    source: str
    event_id: str
    answer_id: UUID
    event: dict[str, Any] = Field(sa_type=JSON)
    given_at: datetime = Field(sa_type=DateTime(timezone=True))
    counts: bool  # towards datasets: within its person's quota
    joined_source: str | None = None
    joined_id: str | None = Field(default=None, index=True)  # null: waits for its answer
    verdict: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    example: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class Quota(SQLModel, table=True):
    """How much feedback one person has given in one day, UTC."""

    __tablename__: ClassVar[str] = "feedback_quota"

    tenant: str = Field(primary_key=True)
    person: str = Field(primary_key=True)  # "": all who gave no name
    day: str = Field(primary_key=True)  # ISO 8601
    given: int


class Example(SQLModel, table=True):
    """An example that is in the newest version of its dataset. Its content is a blob."""

    __tablename__: ClassVar[str] = "feedback_example"
    __table_args__: ClassVar[Any] = (
        # Nearly every tenant's route is `default`.
        Index("ix_feedback_example_of_route", "tenant", "route", "answered_at"),
    )

    tenant: str = Field(primary_key=True)
    example_id: UUID = Field(primary_key=True)
    route: str
    digest: str
    conversation: str
    documents: list[str] = Field(sa_type=JSON)  # that the answer wanted rests on
    answered_at: datetime = Field(sa_type=DateTime(timezone=True))


class Replay(SQLModel, table=True):
    """A good answer that nobody has judged; of each document a bounded sample."""

    __tablename__: ClassVar[str] = "feedback_replay"
    __table_args__: ClassVar[Any] = (
        Index("ix_feedback_replay_document", "tenant", "route", "document"),
    )

    tenant: str = Field(primary_key=True)
    example_id: UUID = Field(primary_key=True)
    route: str
    digest: str
    conversation: str
    document: str  # the first that it rests on
    documents: list[str] = Field(sa_type=JSON)  # all of them
    answered_at: datetime = Field(sa_type=DateTime(timezone=True))


class Request(SQLModel, table=True):
    """A training that waits for its data, or got it.

    Its dataset is published by the event that completed it: a redelivery of that event,
    `frozen_source` and `frozen_id`, publishes the same again.
    """

    __tablename__: ClassVar[str] = "feedback_request"
    __table_args__: ClassVar[Any] = (
        Index("ix_feedback_frozen_id", "tenant", "frozen_id"),
        Index("ix_feedback_request_of_route", "tenant", "route", "state"),
    )

    tenant: str = Field(primary_key=True)
    job_id: UUID = Field(primary_key=True)
    route: str
    state: str  # waiting, frozen, expired or superseded
    event: dict[str, Any] = Field(sa_type=JSON)
    frozen_source: str | None = None
    frozen_id: str | None = None
    frozen: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class Dataset(SQLModel, table=True):
    """The newest version of a dataset: who changes it changes this row first."""

    __tablename__: ClassVar[str] = "feedback_dataset"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    version: int


class DatasetVersion(SQLModel, table=True):
    """What a dataset was. Rows are added, never changed."""

    __tablename__: ClassVar[str] = "feedback_dataset_version"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str = Field(index=True)  # of the manifest
    examples: int
    created_at: datetime = Field(sa_type=DateTime(timezone=True))  # of the feedback that did it
