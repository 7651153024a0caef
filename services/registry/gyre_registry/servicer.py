"""RPC in: convert, validate, delegate."""

from gyre_events import Base, RolloutChanged
from gyre_registry import store
from gyre_registry.deciding import put_route
from gyre_registry.desired import Wish, production
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceServicer
from gyre_service.database import Sessions, snapshot
from gyre_service.rpc import Context, tenant_of


class Servicer(RegistryServiceServicer):
    """Answers for the tenant that the metadata names."""

    def __init__(self, sessions: Sessions, base: Base) -> None:
        self._sessions = sessions
        self._base = base

    async def ListRoutes(
        self, request: pb.ListRoutesRequest, context: Context
    ) -> pb.ListRoutesResponse:
        async with snapshot(self._sessions) as session:
            routes = await store.routes_of(session, tenant_of(context))
        return pb.ListRoutesResponse(routes=map(message_of, routes))

    async def PutRoute(self, request: pb.PutRouteRequest, context: Context) -> pb.PutRouteResponse:
        wish = Wish(request.name, request.collection, request.prompt, request.policy_json)
        rollout = await put_route(self._sessions, tenant_of(context), wish, self._base)
        return pb.PutRouteResponse(route=message_of(rollout))


def message_of(rollout: RolloutChanged) -> pb.Route:
    """Return a route as RPC tells it: its prompt is that of the production arm."""
    prompt = production(rollout).prompt
    return pb.Route(
        name=rollout.route,
        revision=rollout.revision,
        collection=rollout.collection,
        base=rollout.base.name,
        base_digest=rollout.base.digest,
        prompt=prompt.text,
        prompt_digest=prompt.digest,
        policy_json=rollout.policy.model_dump_json(),
    )
