"""`/v1/rollouts`: adapters on their way to production, and the hand on the brake."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from gyre_gateway.api.routes import RouteName
from gyre_gateway.gateway import BY, Operator, Parts
from gyre_gateway.openai_wire.base import Shown, UuidText, Wire
from gyre_gateway.showing import fields_of
from gyre_rpc.registry.v1 import registry_pb2 as pb

router = APIRouter(tags=["rollouts"])

RolloutId = Annotated[UuidText, Path()]


class Why(Wire):
    """What a person says of a decision."""

    reason: Annotated[str, Field(max_length=1_000)] = ""


UNSAID = Why()


class ShownRollout(Shown):
    """A rollout; shares are in 1/10,000, `evidence` counts judged answers of each arm."""

    id: str
    object: Literal["rollout"] = "rollout"
    route: str
    stage: str
    share: int
    adapter_digest: str
    before_digest: str
    job_id: str
    reason: str
    began_at: str
    changed_at: str
    evidence: list[dict[str, Any]]
    history: list[dict[str, Any]]
    gate: dict[str, Any] | None

    @classmethod
    def of(cls, rollout: pb.Rollout) -> "ShownRollout":
        fields = fields_of(rollout)
        gate = fields.pop("gate_json")
        return cls.model_validate(
            fields | {"id": fields["rollout_id"], "gate": json.loads(gate) if gate else None}
        )


class RolloutList(Shown):
    object: Literal["list"] = "list"
    data: list[ShownRollout]


@router.get("/v1/rollouts")
async def list_rollouts(parts: Parts, caller: Operator, route: str = "") -> RolloutList:
    """List rollouts, newest first."""
    found = await parts.registry.list_rollouts(caller.tenant, route)
    return RolloutList(data=[ShownRollout.of(one) for one in found])


@router.post("/v1/rollouts/{rollout_id}/promote")
async def promote(
    rollout_id: RolloutId, parts: Parts, caller: Operator, why: Why = UNSAID
) -> ShownRollout:
    """Put a rollout that is under way into production, whatever its evidence."""
    request = pb.PromoteRequest(rollout_id=rollout_id, by=BY, reason=why.reason)
    return ShownRollout.of(await parts.registry.promote(caller.tenant, request))


@router.post("/v1/rollouts/{rollout_id}/rollback")
async def roll_back(
    rollout_id: RolloutId, parts: Parts, caller: Operator, why: Why = UNSAID
) -> ShownRollout:
    """End a rollout that is under way, or take back what is in production."""
    request = pb.RollbackRequest(rollout_id=rollout_id, by=BY, reason=why.reason)
    return ShownRollout.of(await parts.registry.roll_back(caller.tenant, request))


@router.post("/v1/routes/{name}/promote")
async def promote_on(
    name: RouteName, parts: Parts, caller: Operator, why: Why = UNSAID
) -> ShownRollout:
    """Promote the rollout that is under way on a route."""
    request = pb.PromoteRequest(route=name, by=BY, reason=why.reason)
    return ShownRollout.of(await parts.registry.promote(caller.tenant, request))


@router.post("/v1/routes/{name}/rollback")
async def roll_back_on(
    name: RouteName, parts: Parts, caller: Operator, why: Why = UNSAID
) -> ShownRollout:
    """End the rollout that is under way on a route, or take back what is in production."""
    request = pb.RollbackRequest(route=name, by=BY, reason=why.reason)
    return ShownRollout.of(await parts.registry.roll_back(caller.tenant, request))
