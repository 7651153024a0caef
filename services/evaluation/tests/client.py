"""A caller of the service, on a real gRPC server."""

from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc import aio

from gyre_rpc.evaluation.v1 import evaluation_pb2 as pb
from gyre_service.rpc import calling_for

from .inference import FakeInference
from .test_reading import GOOD

ACME, UMBRELLA = calling_for("acme"), calling_for("umbrella")


@dataclass
class Client:
    """A caller of the service, and the model behind it."""

    stub: Any
    inference: FakeInference

    async def run(self, suite: str, metadata: Any = ACME, **rest: Any) -> list[Any]:
        request = pb.EvaluateRequest(suite=suite, **rest)
        return [part async for part in self.stub.Evaluate(request, metadata=metadata)]

    async def report(self, suite: str, metadata: Any = ACME, **rest: Any) -> pb.Report:
        report: pb.Report = (await self.run(suite, metadata, **rest))[-1].report
        return report

    async def put(self, yaml: str = GOOD, name: str = "", metadata: Any = ACME) -> pb.SuiteInfo:
        request = pb.PutSuiteRequest(name=name, yaml=yaml)
        info: pb.SuiteInfo = (await self.stub.PutSuite(request, metadata=metadata)).suite
        return info

    async def names(self, metadata: Any = ACME) -> list[str]:
        response = await self.stub.ListSuites(pb.ListSuitesRequest(), metadata=metadata)
        return [suite.name for suite in response.suites]


async def status(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""
