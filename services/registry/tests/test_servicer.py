import grpc
import pytest
from grpc import aio

from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceStub
from gyre_service.rpc import calling_for

from .conftest import ACME, BASE


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
