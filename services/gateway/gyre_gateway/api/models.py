"""`/v1/models`: the routes that can be asked."""

from typing import Literal

from fastapi import APIRouter

from gyre_gateway.gateway import Asker, Parts
from gyre_gateway.naming import Model, model_of, models_of
from gyre_gateway.openai_wire.base import Shown

router = APIRouter(tags=["models"])


class ModelCard(Shown):
    """A model; `root` and `parent` are vLLM's: what serves it, and what that was made from."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "gyre"
    root: str
    parent: str | None = None

    @classmethod
    def of(cls, model: Model) -> "ModelCard":
        rollout = model.rollout
        return cls(id=model.id, created=int(rollout.decided_at.timestamp()), root=rollout.base.name)


class ModelList(Shown):
    object: Literal["list"] = "list"
    data: list[ModelCard]


@router.get("/v1/models")
async def list_models(parts: Parts, caller: Asker) -> ModelList:
    """List what can be asked, `gyre/default` first."""
    found = models_of(parts.rollouts, caller.tenant)
    return ModelList(data=[ModelCard.of(model) for model in found])


@router.get("/v1/models/{model:path}")
async def get_model(model: str, parts: Parts, caller: Asker) -> ModelCard:
    """Describe one model."""
    return ModelCard.of(model_of(parts.rollouts, caller.tenant, model))
