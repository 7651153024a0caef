"""Datasets as they grow, example by example."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, tuple_
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gyre_events import ExampleCurated
from gyre_gateway.store.columns import UtcTime
from gyre_service.errors import Rejected


class Example(SQLModel, table=True):
    """A question with the answer wanted."""

    __tablename__: ClassVar[str] = "gateway_example"

    tenant: str = Field(primary_key=True)
    example_id: UUID = Field(primary_key=True)
    route: str = Field(index=True)
    answer_id: UUID
    conversation_id: UUID
    feedback_id: UUID
    kind: str  # one that is `withdrawn` stays, so that an older event cannot bring it back
    version: int  # of the dataset that it came with
    question: str
    answer: str
    passages: list[dict[str, Any]] = Field(sa_type=JSON)
    time: datetime = Field(sa_type=UtcTime)

    def shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"tenant", "time", "version"}) | {
            "curated_at": self.time.isoformat()
        }


class Dataset(SQLModel, table=True):
    """The newest version of a route's dataset."""

    __tablename__: ClassVar[str] = "gateway_dataset"

    tenant: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    version: int = 0
    digest: str
    examples: int
    time: datetime = Field(sa_type=UtcTime)

    def shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"tenant", "time"}) | {
            "updated_at": self.time.isoformat()
        }


async def apply(
    session: AsyncSession, tenant: str, event: ExampleCurated, time: datetime
) -> Example | None:
    """Bring a dataset up to date with `event`, whatever came before it.

    Returns:
        The row if it is new or changed, or was withdrawn.
    """
    dataset = await session.get(Dataset, (tenant, event.route), with_for_update=True)
    if dataset is None:
        dataset = Dataset(tenant=tenant, route=event.route, digest="", examples=0, time=time)
    if event.version > dataset.version:
        dataset.version, dataset.digest = event.version, event.dataset
        dataset.examples, dataset.time = event.examples, time
        session.add(dataset)
    row = await session.get(Example, (tenant, event.example_id))
    if row is not None and row.version >= event.version:
        return None
    values = event.model_dump(
        mode="json", include={"kind", "question", "answer", "passages", "version"}
    )
    ids = event.model_dump(include={"answer_id", "conversation_id", "feedback_id", "example_id"})
    if row is None:
        row = Example(tenant=tenant, route=event.route, time=time, **ids, **values)
    else:
        row.sqlmodel_update(ids | values | {"time": time})
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
    query = _of_route(tenant, route).order_by(col(Example.time), col(Example.example_id))
    return list((await session.exec(query.offset(offset).limit(limit))).all())


async def newest(
    session: AsyncSession, tenant: str, route: str, limit: int, after: UUID | None = None
) -> list[Example]:
    """Return the newest examples first, those after the one with the id `after`.

    Raises:
        Rejected: There is none with that id.
    """
    query = _of_route(tenant, route)
    if after is not None:
        last = await session.get(Example, (tenant, after))
        if last is None:
            raise Rejected(f"no example {after}: `after` is the id of one", param="after")
        place = tuple_(col(Example.time), col(Example.example_id))
        query = query.where(place < (last.time, last.example_id))
    query = query.order_by(col(Example.time).desc(), col(Example.example_id).desc())
    return list((await session.exec(query.limit(limit))).all())


def _of_route(tenant: str, route: str) -> SelectOfScalar[Example]:
    return select(Example).where(
        col(Example.tenant) == tenant,
        col(Example.route) == route,
        col(Example.kind) != "withdrawn",
    )
