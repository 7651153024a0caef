"""`/v1/datasets`: the examples that feedback made, by route."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.openai_wire.base import Shown
from gyre_gateway.store import examples
from gyre_service.database import snapshot
from gyre_service.errors import NotFound

router = APIRouter(tags=["datasets"])


class ShownDataset(Shown):
    """The newest version; `digest` is the SHA-256 of its manifest."""

    route: str
    object: Literal["dataset"] = "dataset"
    version: int
    digest: str
    examples: int
    updated_at: str


class DatasetList(Shown):
    object: Literal["list"] = "list"
    data: list[ShownDataset]


class ShownExample(Shown):
    example_id: UUID
    answer_id: UUID
    conversation_id: UUID
    feedback_id: UUID
    route: str
    kind: str
    question: str
    answer: str
    passages: list[dict[str, Any]]
    curated_at: str


class WholeDataset(ShownDataset):
    data: list[ShownExample]
    has_more: bool


@router.get("/v1/datasets")
async def list_datasets(parts: Parts, caller: Operator) -> DatasetList:
    """List the routes that have examples."""
    async with snapshot(parts.sessions) as session:
        rows = await examples.datasets(session, caller.tenant)
    return DatasetList.model_validate({"data": [row.shown() for row in rows]})


@router.get("/v1/datasets/{route}")
async def get_dataset(
    route: str,
    parts: Parts,
    caller: Operator,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,  # PostgreSQL's
) -> WholeDataset:
    """Show a route's dataset and its examples, oldest first."""
    async with snapshot(parts.sessions) as session:
        dataset = await examples.dataset(session, caller.tenant, route)
        rows = await examples.page(session, caller.tenant, route, limit + 1, offset)
    if dataset is None:
        raise NotFound(f"route {route!r} has no examples: see GET /v1/datasets")
    shown = {"data": [row.shown() for row in rows[:limit]], "has_more": len(rows) > limit}
    return WholeDataset.model_validate(dataset.shown() | shown)
