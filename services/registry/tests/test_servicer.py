from typing import Any

import grpc
import pytest
from grpc import aio

from gyre_registry import rollouts, servicer
from gyre_registry.tables import Rollout
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceStub
from gyre_service.database import Sessions, transaction
from gyre_service.rpc import calling_for

from .conftest import ACME, BASE, Published, Send
from .test_rollouts import changes, trained


async def test_a_route_that_was_put_is_listed_to_its_tenant_only(channel: aio.Channel) -> None:
    stub = RegistryServiceStub(channel)
    for name in ("support", "archive"):
        request = pb.PutRouteRequest(
            name=name, collection="manuals", prompt="Be kind.", policy_json='{"passages": 2}'
        )
        put = await stub.PutRoute(request, metadata=ACME)

    mine = await stub.ListRoutes(pb.ListRoutesRequest(), metadata=ACME)
    others = await stub.ListRoutes(pb.ListRoutesRequest(), metadata=calling_for("umbrella"))

    assert [route.name for route in mine.routes] == ["archive", "support"]
    assert mine.routes[0] == put.route
    assert not others.routes
    route = put.route
    assert (route.revision, route.collection, route.prompt) == (1, "manuals", "Be kind.")
    assert (route.base, route.base_digest) == (BASE.name, BASE.digest)
    assert len(route.prompt_digest) == 64
    assert '"passages":2' in route.policy_json


async def test_a_wrong_wish_has_a_status_and_a_message(channel: aio.Channel) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await RegistryServiceStub(channel).PutRoute(pb.PutRouteRequest(name="A"), metadata=ACME)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "the name of a route is 'A'" in (caught.value.details() or "")


@pytest.mark.parametrize(
    "metadata", [(), (("gyre-tenant", "a/b"),), (("gyre-tenant", "a"), ("gyre-tenant", "b"))]
)
async def test_a_call_without_one_tenant_is_refused(
    channel: aio.Channel, metadata: tuple[tuple[str, str], ...]
) -> None:
    stub = RegistryServiceStub(channel)

    for call in (
        stub.ListRoutes(pb.ListRoutesRequest(), metadata=metadata),
        stub.PutRoute(pb.PutRouteRequest(name="support"), metadata=metadata),
    ):
        with pytest.raises(aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_of_many_rollouts_the_newest_are_listed_and_what_is_not_over(
    send: Send, published: Published, sessions: Sessions, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servicer, "LISTED", 2)

    async def listed(**request: Any) -> list[tuple[str, str]]:
        wanted = pb.ListRolloutsRequest(**request)
        told = await stub.ListRollouts(wanted, metadata=ACME)
        return [(one.adapter_digest[:1], one.stage) for one in told.rollouts]

    for digest, end in zip("cdef", ("production", "rejected", "rejected", None), strict=True):
        await send(trained(digest))
        if end is not None:
            async with transaction(sessions) as session:
                id = (await changes(published))[-1].rollout_id
                row = await session.get_one(Rollout, ("acme", id))
                await rollouts.end(session, row, end, "by hand", "ada")
    await send(trained("a"))
    await send(trained("b"))

    open_ones = [("b", "waiting"), ("a", "waiting"), ("f", "candidate")]
    assert await listed() == [*open_ones, ("c", "production")]
    assert await listed(route="default", limit=4) == [
        *open_ones,
        ("e", "rejected"),
        ("c", "production"),
    ]
    assert await listed(route="other") == []
    with pytest.raises(aio.AioRpcError, match="limit is 1001, expected at most 1000"):
        await listed(limit=1_001)
