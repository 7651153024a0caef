import socket
from pathlib import Path

import grpc
import pytest
from faststream import TestApp
from faststream.kafka import TestKafkaBroker
from grpc import aio

from gyre_evaluation.app import make_app
from gyre_evaluation.settings import Settings
from gyre_events import RolloutChanged
from gyre_rpc.evaluation.v1.evaluation_pb2 import ListSuitesRequest
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import EvaluationServiceStub
from gyre_service.kafka import Broker, Table
from gyre_service.rpc import calling_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables that started and stopped, without a Kafka."""
    seen: list[str] = []

    async def start(self: Table[RolloutChanged]) -> None:
        seen.append(f"start {self.event.topic}")

    async def stop(self: Table[RolloutChanged]) -> None:
        seen.append(f"stop {self.event.topic}")

    monkeypatch.setattr(Table, "start", start)
    monkeypatch.setattr(Table, "stop", stop)
    return seen


async def test_the_service_starts_serves_and_stops(tmp_path: Path, started: list[str]) -> None:
    settings = Settings(home=tmp_path, grpc_port=free_port())
    app = make_app(settings)
    assert isinstance(app.broker, Broker)

    async with TestKafkaBroker(app.broker), TestApp(app):
        async with aio.insecure_channel(f"127.0.0.1:{settings.grpc_port}") as channel:
            stub = EvaluationServiceStub(channel)
            listed = await stub.ListSuites(ListSuitesRequest(), metadata=calling_for("acme"))
        assert [suite.name for suite in listed.suites] == ["documents", "retention", "smoke"]
        assert started == ["start rollout-changed"]

    assert started == ["start rollout-changed", "stop rollout-changed"]
    async with aio.insecure_channel(f"127.0.0.1:{settings.grpc_port}") as channel:
        stub = EvaluationServiceStub(channel)
        with pytest.raises(aio.AioRpcError) as caught:
            await stub.ListSuites(ListSuitesRequest(), metadata=calling_for("acme"))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
