import socket
from pathlib import Path
from typing import Any, cast

import pytest
from faststream import TestApp
from faststream.kafka import TestKafkaBroker
from grpc import aio

from gyre_registry.app import make_app
from gyre_registry.settings import Settings
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceStub
from gyre_service import process
from gyre_service.kafka import Broker
from gyre_service.rpc import calling_for
from gyre_service.settings import read

from .conftest import BASE


class EmptyTable:
    """A topic without a record: what a Kafka that was just made holds."""

    def __init__(self, *_: Any) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def rows(self) -> list[Any]:
        return []


async def test_the_first_start_serves_the_default_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "Table", EmptyTable)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(
        home=tmp_path, grpc_port=port, model_name=BASE.name, model_digest=BASE.digest
    )
    app = make_app(settings)

    async with (
        TestKafkaBroker(cast("Broker", app.broker)),
        TestApp(app),
        aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        answer = await RegistryServiceStub(channel).ListRoutes(
            pb.ListRoutesRequest(), metadata=calling_for("default")
        )

    [route] = answer.routes
    assert (route.name, route.revision, route.base_digest) == ("default", 1, BASE.digest)


@pytest.mark.parametrize("digest", ["", "abc", "A" * 64])
def test_a_wrong_digest_ends_the_start_with_one_line(
    digest: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GYRE_MODEL_NAME", "reference")
    monkeypatch.setenv("GYRE_MODEL_DIGEST", digest)

    with pytest.raises(SystemExit):
        read(Settings)

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("GYRE_MODEL_DIGEST")
