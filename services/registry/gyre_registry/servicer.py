"""RPC in: convert, validate, delegate."""

import json
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import Base, RolloutChanged
from gyre_registry import finding, lineage, releasing, store
from gyre_registry.deciding import in_transaction, put_route
from gyre_registry.desired import Wish, production
from gyre_registry.limits import MAX_RANK
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceServicer
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Rejected
from gyre_service.rpc import Context, tenant_of

LISTED, MOST_LISTED = 50, 1_000  # rollouts; each has its evidence and its history


class Servicer(RegistryServiceServicer):
    """Answers for the tenant that the metadata names."""

    def __init__(
        self, sessions: Sessions, base: Base, cache: Path, max_rank: int = MAX_RANK
    ) -> None:
        self._sessions = sessions
        self._base = base
        self._cache = cache
        self._max_rank = max_rank

    async def ListRoutes(
        self, request: pb.ListRoutesRequest, context: Context
    ) -> pb.ListRoutesResponse:
        async with snapshot(self._sessions) as session:
            routes = await store.routes_of(session, tenant_of(context))
        return pb.ListRoutesResponse(routes=map(message_of, routes))

    async def PutRoute(self, request: pb.PutRouteRequest, context: Context) -> pb.PutRouteResponse:
        wish = Wish(request.name, request.collection, request.prompt, request.policy_json)
        tenant = tenant_of(context)
        rollout = await put_route(self._sessions, tenant, wish, self._base, self._max_rank)
        return pb.PutRouteResponse(route=message_of(rollout))

    async def ListRollouts(
        self, request: pb.ListRolloutsRequest, context: Context
    ) -> pb.ListRolloutsResponse:
        limit = request.limit or LISTED
        if limit > MOST_LISTED:
            raise Rejected(f"limit is {limit}, expected at most {MOST_LISTED}", param="limit")
        async with snapshot(self._sessions) as session:
            rows = await finding.shown(session, tenant_of(context), request.route, limit)
            found = [await releasing.message_of(session, row) for row in rows]
        return pb.ListRolloutsResponse(rollouts=found)

    async def Promote(self, request: pb.PromoteRequest, context: Context) -> pb.PromoteResponse:
        async def attempt(session: AsyncSession) -> pb.Rollout:
            row = await releasing.promote(session, tenant_of(context), request)
            return await releasing.message_of(session, row)

        return pb.PromoteResponse(rollout=await in_transaction(self._sessions, attempt))

    async def Rollback(self, request: pb.RollbackRequest, context: Context) -> pb.RollbackResponse:
        async def attempt(session: AsyncSession) -> pb.Rollout:
            row = await releasing.rollback(session, tenant_of(context), request)
            return await releasing.message_of(session, row)

        return pb.RollbackResponse(rollout=await in_transaction(self._sessions, attempt))

    async def ImportAdapter(
        self, request: pb.ImportAdapterRequest, context: Context
    ) -> pb.ImportAdapterResponse:
        tenant = tenant_of(context)
        found = await releasing.import_adapter(self._sessions, tenant, request, self._cache)
        return pb.ImportAdapterResponse(rollout=found)

    async def ListAdapters(
        self, request: pb.ListAdaptersRequest, context: Context
    ) -> pb.ListAdaptersResponse:
        async with snapshot(self._sessions) as session:
            found = await releasing.adapters_of(session, tenant_of(context), request.route)
        return pb.ListAdaptersResponse(adapters=found)

    async def GetLineage(
        self, request: pb.GetLineageRequest, context: Context
    ) -> pb.GetLineageResponse:
        answer_id = releasing.answer_id_of(request.answer_id)
        async with snapshot(self._sessions) as session:
            found = await lineage.trace(session, tenant_of(context), answer_id)
        return pb.GetLineageResponse(lineage_json=json.dumps(found))


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
        stage=rollout.stage,
        rollout_id=str(rollout.rollout_id),
        arms=[
            pb.Arm(
                name=arm.name,
                share=arm.share,
                adapter_digest=arm.adapter_digest or "",
                adapter_uri=arm.adapter_uri or "",
                job_id=str(arm.job_id or ""),
            )
            for arm in rollout.arms
        ],
    )
