"""What a route's status says."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from grpc import aio

from gyre_drift.references import References
from gyre_drift.servicer import Servicer
from gyre_events import RolloutChanged
from gyre_rpc.drift.v1 import drift_pb2 as pb
from gyre_rpc.drift.v1.drift_pb2_grpc import (
    DriftServiceStub,
    add_DriftServiceServicer_to_server,
)
from gyre_service.database import Sessions
from gyre_service.kafka import Table
from gyre_service.rpc import ErrorStatus, calling_for

from .conftest import Rollouts, Send, World, baseline, live


@pytest.fixture
async def stub(sessions: Sessions, rollouts: Rollouts) -> AsyncIterator[Any]:
    server = aio.server(interceptors=[ErrorStatus()])
    table = cast(Table[RolloutChanged], rollouts)
    add_DriftServiceServicer_to_server(Servicer(sessions, table, References()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield DriftServiceStub(channel)
    await server.stop(grace=None)


async def status(stub: Any, tenant: str) -> list[pb.Stream]:
    found: pb.StatusResponse = await stub.Status(pb.StatusRequest(), metadata=calling_for(tenant))
    return list(found.streams)


async def test_a_route_says_where_its_signals_stand_and_what_has_moved(
    send: Send, stub: Any
) -> None:
    assert await status(stub, "acme") == []
    await baseline(send, World(1))
    await live(send, World(2), 20)

    [stream] = await status(stub, "acme")
    assert (stream.state, stream.events, stream.cause) == ("watching", 20, "input")
    assert not stream.attacked
    states = {one.name: one.state for one in stream.detectors}
    assert (states["novelty"], states["thumbs"]) == ("alarmed", "calibrating")
    assert sum(one.before for one in stream.clusters) == pytest.approx(1)
    assert sum(one.now for one in stream.clusters) == pytest.approx(1)
    assert all(one.example for one in stream.clusters)
    assert len({(one.x, one.y) for one in stream.clusters}) == len(stream.clusters)
    assert await status(stub, "umbrella") == []


async def test_a_route_that_learns_what_is_usual_says_how_far_it_is(send: Send, stub: Any) -> None:
    await live(send, World(1), 30)
    [stream] = await status(stub, "acme")
    assert (stream.state, stream.reference_events, stream.reference_wanted) == ("warming", 30, 400)
    assert list(stream.clusters) == []
