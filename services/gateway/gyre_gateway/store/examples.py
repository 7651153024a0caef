"""Datasets as they grow, example by example."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import ExampleCurated
from gyre_gateway.store.columns import UtcTime


class Example(SQLModel, table=True):
    """A question with the answer wanted."""

    __tablename__: ClassVar[str] = "gateway_example"

    tenant: str = Field(primary_key=True)
    example_id: UUID = Field(primary_key=True)
    route: str = Field(index=True)
    answer_id: UUID
    conversation_id: UUID
    feedback_id: UUID
    kind: str
    question: str
    answer: str
    passages: list[dict[str, Any]] = Field(sa_type=JSON)
    time: datetime = Field(sa_type=UtcTime)

    def shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"tenant", "time"}) | {
            "curated_at": self.time.isoformat()
        }


class Dataset(SQLModel, table=True):
    """The newest version of a route's dataset."""

    __tablename__: ClassVar[str] = "gateway_dataset"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    digest: str
    examples: int
    time: datetime = Field(sa_type=UtcTime)

    def shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"tenant", "time"}) | {
            "updated_at": self.time.isoformat()
        }


async def add(
    session: AsyncSession, tenant: str, event: ExampleCurated, time: datetime
) -> Example | None:
    """Keep an example, and the version of the dataset that it made.

    Returns:
        The row if it is new.
    """
    if await session.get(Example, (tenant, event.example_id)) is not None:
        return None
    dataset = await session.get(Dataset, (tenant, event.route), with_for_update=True)
    if dataset is None:
        dataset = Dataset(tenant=tenant, route=event.route, digest="", examples=0, time=time)
    if event.examples > dataset.examples:  # the topic is in order by route; a redrive is not
        dataset.digest, dataset.examples, dataset.time = event.dataset, event.examples, time
        session.add(dataset)
    values = event.model_dump(mode="json", include={"kind", "question", "answer", "passages"})
    ids = event.model_dump(include={"answer_id", "conversation_id", "feedback_id", "example_id"})
    row = Example(tenant=tenant, route=event.route, time=time, **ids, **values)
    session.add(row)
    return row


async def datasets(session: AsyncSession, tenant: str) -> list[Dataset]:
    query = select(Dataset).where(col(Dataset.tenant) == tenant).order_by(col(Dataset.route))
    return list((await session.exec(query)).all())


async def dataset(session: AsyncSession, tenant: str, route: str) -> Dataset | None:
    return await session.get(Dataset, (tenant, route))


async def page(
    session: AsyncSession, tenant: str, route: str, limit: int, offset: int = 0
) -> list[Example]:
    """Return the oldest examples first: the place of one never changes."""
    query = select(Example).where(col(Example.tenant) == tenant, col(Example.route) == route)
    query = query.order_by(col(Example.time), col(Example.example_id))
    return list((await session.exec(query.offset(offset).limit(limit))).all())
