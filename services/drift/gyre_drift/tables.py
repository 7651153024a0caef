"""The tables of this service."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, Index
from sqlmodel import Field, SQLModel


class Stream(SQLModel, table=True):
    """One route's questions: where its detectors stand."""

    __tablename__: ClassVar[str] = "drift_stream"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    encoder: str = ""  # digest
    reference_id: UUID | None = None  # null: warming
    collected: int = 0  # while warming
    # When the world began that the next reference is of; null: the first one.
    warms_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    events: int = 0  # live questions
    watched: bytes | None = None  # of releases before drift_state; not read
    waiting: str = ""  # why an alarm has not become a training (yet)
    promoted: UUID | None = None  # the job whose adapter the reference was rebuilt for
    candidate: UUID | None = None  # the job whose adapter was last seen in a rollout under way


class State(SQLModel, table=True):
    """What a route's watcher remembers, and which adapter it has seen in production."""

    __tablename__: ClassVar[str] = "drift_state"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    format: int  # of the content; another one is not read
    content: bytes  # a pickled Watch; nobody but us writes here


class Era(SQLModel, table=True):
    """A time in which one adapter answered questions of one world.

    Kept are the five newest, and the newest of each of the five newest worlds.
    """

    __tablename__: ClassVar[str] = "drift_era"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    adapter: str | None = None  # digest; null: the base alone
    reference_id: UUID  # of the world
    since: datetime = Field(sa_type=DateTime(timezone=True))


class Reference(SQLModel, table=True):
    """A frozen reference; those of the five newest worlds are kept, which may come back."""

    __tablename__: ClassVar[str] = "drift_reference"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    reference_id: UUID = Field(primary_key=True)
    encoder: str
    content: bytes  # numpy's npz
    made_at: datetime = Field(sa_type=DateTime(timezone=True))


class Collected(SQLModel, table=True):
    """A question that a reference will be made of."""

    __tablename__: ClassVar[str] = "drift_collected"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    number: int = Field(primary_key=True)  # from 0 up; of a live one from -1 down: its complement
    text: str
    vector: bytes


class Early(SQLModel, table=True):
    """What was said of an answer while there was no reference: it may be of the time after."""

    __tablename__: ClassVar[str] = "drift_early"
    # Nearly every tenant's route is `default`.
    __table_args__: ClassVar[Any] = (Index("ix_drift_early_stream", "tenant", "route"),)

    tenant: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    route: str
    topic: str
    partition: int
    offset: int = Field(sa_type=BigInteger)
    event: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Recent(SQLModel, table=True):
    """One of the newest live questions; a place is used again and again."""

    __tablename__: ClassVar[str] = "drift_recent"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    event: int  # its number among the live questions
    text: str
    vector: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Decision(SQLModel, table=True):
    """An event that a handled one caused: a redelivery of that one publishes it again."""

    __tablename__: ClassVar[str] = "drift_decision"
    __table_args__: ClassVar[Any] = (
        Index("ix_drift_decision_stream", "tenant", "route", "topic", "at"),
    )

    tenant: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)  # with source: of the cause
    ordinal: int = Field(primary_key=True)
    topic: str
    route: str
    event: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=DateTime(timezone=True))  # when its cause was appended
