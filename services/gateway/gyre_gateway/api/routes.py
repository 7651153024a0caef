"""`/v1/routes`: what questions can be asked of. The registry decides."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.naming import PREFIX
from gyre_gateway.openai_wire.base import Shown, Wire
from gyre_gateway.uploads import Collection
from gyre_rpc.registry.v1 import registry_pb2 as pb

router = APIRouter(tags=["routes"])

RouteName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class RouteChange(Wire):
    """What to change; what is left out stays, or takes the default of a new route."""

    collection: Collection | None = None
    prompt: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None
    policy: dict[str, Any] | None = None


class ShownRoute(Shown):
    name: str
    object: Literal["route"] = "route"
    model: str
    revision: int
    collection: str
    base: str
    base_digest: str
    prompt: str
    prompt_digest: str
    policy: dict[str, Any]

    @classmethod
    def of(cls, route: pb.Route) -> "ShownRoute":
        return cls(
            name=route.name,
            model=PREFIX + route.name,
            revision=route.revision,
            collection=route.collection,
            base=route.base,
            base_digest=route.base_digest,
            prompt=route.prompt,
            prompt_digest=route.prompt_digest,
            policy=json.loads(route.policy_json or "{}"),
        )


class RouteList(Shown):
    object: Literal["list"] = "list"
    data: list[ShownRoute]


@router.get("/v1/routes")
async def list_routes(parts: Parts, caller: Operator) -> RouteList:
    """List the routes."""
    found = await parts.registry.list_routes(caller.tenant)
    return RouteList(data=[ShownRoute.of(route) for route in found])


@router.put("/v1/routes/{name}")
async def put_route(
    name: RouteName, body: RouteChange, parts: Parts, caller: Operator
) -> ShownRoute:
    """Make a route, or change one. It is a model a moment later."""
    request = pb.PutRouteRequest(
        name=name,
        collection=body.collection or "",
        prompt=body.prompt or "",
        policy_json="" if body.policy is None else json.dumps(body.policy),
    )
    return ShownRoute.of(await parts.registry.put_route(caller.tenant, request))
