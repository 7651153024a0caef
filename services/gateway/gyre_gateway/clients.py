"""Calls to other services. Their statuses become our errors here, and only here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import grpc
from grpc import aio

from gyre_events import Purpose
from gyre_gateway.errors import Cancelled, DeadlineExceeded, Unimplemented
from gyre_rpc.drift.v1 import drift_pb2 as drift_pb
from gyre_rpc.drift.v1.drift_pb2_grpc import DriftServiceStub
from gyre_rpc.evaluation.v1 import evaluation_pb2 as evaluation_pb
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import EvaluationServiceStub
from gyre_rpc.inference.v1 import inference_pb2 as inference_pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub
from gyre_rpc.registry.v1 import registry_pb2 as registry_pb
from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceStub
from gyre_rpc.retrieval.v1 import retrieval_pb2 as retrieval_pb
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceStub
from gyre_service.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    NotFound,
    Overloaded,
    Rejected,
    ServiceError,
    Unavailable,
)
from gyre_service.rpc import PARAM, PUSHBACK_MS, Metadata, calling_for

if TYPE_CHECKING:
    from gyre_rpc.drift.v1.drift_pb2_grpc import DriftServiceAsyncStub
    from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import EvaluationServiceAsyncStub
    from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceAsyncStub
    from gyre_rpc.registry.v1.registry_pb2_grpc import RegistryServiceAsyncStub
    from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceAsyncStub

R = TypeVar("R")

ERRORS: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Rejected,
    grpc.StatusCode.FAILED_PRECONDITION: Rejected,
    grpc.StatusCode.OUT_OF_RANGE: Rejected,
    # We have let the key pass: who refuses it has not heard of it yet.
    grpc.StatusCode.UNAUTHENTICATED: Unavailable,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
}


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Raise the error of ours that the status of `service` means."""
    try:
        yield
    except aio.AioRpcError as error:
        kind = ERRORS.get(error.code(), ServiceError)
        trailing = error.trailing_metadata() or ()
        said = {key: str(value) for key, value in trailing}
        param, message = said.get(PARAM), f"{service}: {error.details() or error.code().name}"
        if issubclass(kind, Unavailable):
            after_ms = said.get(PUSHBACK_MS, "")
            after_s = int(after_ms) / 1000 if after_ms.isdecimal() else None
            raise kind(message, param=param, after_s=after_s) from error
        raise kind(message, param=param) from error


class Inference:
    """Answers questions."""

    def __init__(self, channel: aio.Channel, deadline_s: float) -> None:
        self._stub: InferenceServiceAsyncStub = InferenceServiceStub(channel)
        self._deadline_s = deadline_s

    async def generate(
        self, request: inference_pb.GenerateRequest, metadata: Metadata
    ) -> AsyncIterator[inference_pb.GenerateResponse]:
        """Yield the parts of an answer; closing the iterator ends the engine's work."""
        call = self._stub.Generate(request, metadata=metadata, timeout=self._deadline_s)
        try:
            with translated("inference"):
                async for response in call:
                    yield response
        finally:
            call.cancel()

    async def complete(
        self, request: inference_pb.GenerateRequest, metadata: Metadata
    ) -> inference_pb.CompleteResponse:
        with translated("inference"):
            return await self._stub.Complete(
                inference_pb.CompleteRequest(request=request),
                metadata=metadata,
                timeout=self._deadline_s,
            )


class Retrieval:
    """Encodes texts."""

    # Texts a call. Each has the deadline to itself, on a worker that it shares with ingestion.
    BATCH = 64

    def __init__(self, channel: aio.Channel, deadline_s: float) -> None:
        self._stub: RetrievalServiceAsyncStub = RetrievalServiceStub(channel)
        self._deadline_s = deadline_s

    async def embed(self, tenant: str, texts: list[str]) -> retrieval_pb.EmbedResponse:
        """Return the vectors of all `texts`, in their order."""
        whole = retrieval_pb.EmbedResponse()
        for start in range(0, len(texts), self.BATCH):
            request = retrieval_pb.EmbedRequest(texts=texts[start : start + self.BATCH])
            with translated("retrieval"):
                part = await self._stub.Embed(
                    request, metadata=calling_for(tenant), timeout=self._deadline_s
                )
            vectors = whole.vectors + part.vectors
            whole.MergeFrom(part)
            whole.vectors = vectors
        return whole

    async def observe(self, tenant: str, past: list[retrieval_pb.Observation]) -> None:
        """Let past questions, at most 256, become a part of a reference."""
        with translated("retrieval"):
            await self._stub.Embed(
                retrieval_pb.EmbedRequest(observations=past),
                metadata=calling_for(tenant, Purpose.BASELINE),
                timeout=self._deadline_s,
            )


class Drift:
    """Watches routes."""

    def __init__(self, channel: aio.Channel, deadline_s: float) -> None:
        self._stub: DriftServiceAsyncStub = DriftServiceStub(channel)
        self._deadline_s = deadline_s

    async def status(self, tenant: str, route: str = "") -> list[drift_pb.Stream]:
        with translated("drift"):
            response = await self._stub.Status(
                drift_pb.StatusRequest(route=route),
                metadata=calling_for(tenant),
                timeout=self._deadline_s,
            )
        return list(response.streams)


class Registry:
    """Decides what routes serve."""

    def __init__(self, channel: aio.Channel, deadline_s: float) -> None:
        self._stub: RegistryServiceAsyncStub = RegistryServiceStub(channel)
        self._deadline_s = deadline_s

    async def _call(self, method: Callable[..., Awaitable[R]], tenant: str, request: object) -> R:
        with translated("registry"):
            return await method(request, metadata=calling_for(tenant), timeout=self._deadline_s)

    async def list_routes(self, tenant: str) -> list[registry_pb.Route]:
        request = registry_pb.ListRoutesRequest()
        return list((await self._call(self._stub.ListRoutes, tenant, request)).routes)

    async def put_route(
        self, tenant: str, request: registry_pb.PutRouteRequest
    ) -> registry_pb.Route:
        return (await self._call(self._stub.PutRoute, tenant, request)).route

    async def list_rollouts(self, tenant: str, route: str = "") -> list[registry_pb.Rollout]:
        request = registry_pb.ListRolloutsRequest(route=route)
        return list((await self._call(self._stub.ListRollouts, tenant, request)).rollouts)

    async def promote(
        self, tenant: str, request: registry_pb.PromoteRequest
    ) -> registry_pb.Rollout:
        return (await self._call(self._stub.Promote, tenant, request)).rollout

    async def roll_back(
        self, tenant: str, request: registry_pb.RollbackRequest
    ) -> registry_pb.Rollout:
        return (await self._call(self._stub.Rollback, tenant, request)).rollout

    async def list_adapters(self, tenant: str, route: str = "") -> list[registry_pb.Adapter]:
        request = registry_pb.ListAdaptersRequest(route=route)
        return list((await self._call(self._stub.ListAdapters, tenant, request)).adapters)

    async def import_adapter(
        self, tenant: str, request: registry_pb.ImportAdapterRequest
    ) -> registry_pb.Rollout:
        return (await self._call(self._stub.ImportAdapter, tenant, request)).rollout

    async def lineage(self, tenant: str, answer_id: str) -> str:
        """Return a JSON object."""
        request = registry_pb.GetLineageRequest(answer_id=answer_id)
        return (await self._call(self._stub.GetLineage, tenant, request)).lineage_json


class Evaluation:
    """Runs suites."""

    def __init__(self, channel: aio.Channel, deadline_s: float, run_deadline_s: float) -> None:
        self._stub: EvaluationServiceAsyncStub = EvaluationServiceStub(channel)
        self._deadline_s = deadline_s
        self._run_deadline_s = run_deadline_s

    async def list_suites(self, tenant: str) -> list[evaluation_pb.SuiteInfo]:
        with translated("evaluation"):
            response = await self._stub.ListSuites(
                evaluation_pb.ListSuitesRequest(),
                metadata=calling_for(tenant),
                timeout=self._deadline_s,
            )
        return list(response.suites)

    async def put_suite(self, tenant: str, name: str, yaml: str) -> evaluation_pb.SuiteInfo:
        with translated("evaluation"):
            response = await self._stub.PutSuite(
                evaluation_pb.PutSuiteRequest(name=name, yaml=yaml),
                metadata=calling_for(tenant),
                timeout=self._deadline_s,
            )
        return response.suite

    async def evaluate(
        self, tenant: str, request: evaluation_pb.EvaluateRequest
    ) -> AsyncIterator[evaluation_pb.EvaluateResponse]:
        """Yield items, then the report; closing the iterator ends the run."""
        call = self._stub.Evaluate(
            request, metadata=calling_for(tenant), timeout=self._run_deadline_s
        )
        try:
            with translated("evaluation"):
                async for response in call:
                    yield response
        finally:
            call.cancel()
