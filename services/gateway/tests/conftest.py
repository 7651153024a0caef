from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from grpc import aio
from pydantic import SecretStr
from starlette.types import ASGIApp

from gyre_events import Arm, Base, Event, Policy, Prompt, RolloutChanged
from gyre_gateway.access import Callers, ensure_keys
from gyre_gateway.backlog import WAITS, Backlog
from gyre_gateway.blobs import Blobs
from gyre_gateway.clients import Drift, Evaluation, Inference, Registry, Retrieval
from gyre_gateway.console.figures import Counting
from gyre_gateway.gateway import Gateway
from gyre_gateway.live import Feed
from gyre_gateway.settings import Settings
from gyre_gateway.web import make_web
from gyre_rpc.drift.v1.drift_pb2_grpc import add_DriftServiceServicer_to_server
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import add_EvaluationServiceServicer_to_server
from gyre_rpc.inference.v1.inference_pb2_grpc import add_InferenceServiceServicer_to_server
from gyre_rpc.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import add_RetrievalServiceServicer_to_server
from gyre_service.database import Sessions, open_database
from gyre_service.errors import Unavailable
from gyre_service.rpc import ErrorStatus, channel

from .fakes import FakeDrift, FakeEvaluation, FakeInference, FakeRegistry, FakeRetrieval

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOCAL = {"authorization": "Bearer local"}
ACME = {"authorization": "Bearer acme-key"}


@dataclass
class FakeKafka:
    """Acknowledges everything, or nothing."""

    away: bool = False
    sent: list[tuple[Event, str, UUID, datetime]] = field(default_factory=list)

    async def announce(self, event: Event, tenant: str, id: UUID, time: datetime) -> None:
        if self.away:
            raise Unavailable("not acknowledged by Kafka in 10 s")
        self.sent.append((event, tenant, id, time))


@dataclass
class FakeGroup:
    """A consumer group with so many records before it."""

    waiting: int = 0

    def behind(self) -> int:
        return self.waiting


class FakeRollouts:
    """The table without its topic."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], RolloutChanged] = {}

    def add(self, tenant: str, route: str) -> None:
        self.table[tenant, route] = rollout(route)

    def get(self, tenant: str, key: str) -> RolloutChanged | None:
        return self.table.get((tenant, key))

    def rows(self) -> list[tuple[str, RolloutChanged]]:
        return [(tenant, row) for (tenant, _), row in sorted(self.table.items())]


def rollout(route: str) -> RolloutChanged:
    prompt = Prompt(digest="0" * 64, text="Answer from the passages.")
    return RolloutChanged(
        route=route,
        revision=1,
        rollout_id=uuid4(),
        collection="default",
        base=Base(name="reference", digest="1" * 64),
        policy=Policy(),
        arms=(Arm(name="production", share=10_000, prompt=prompt),),
        decided_at=NOW,
    )


@dataclass
class Stack:
    """A gateway over fakes of everything else."""

    gateway: Gateway
    inference: FakeInference
    retrieval: FakeRetrieval
    registry: FakeRegistry
    evaluation: FakeEvaluation
    kafka: FakeKafka
    rollouts: FakeRollouts
    groups: dict[str, FakeGroup]

    @property
    def sessions(self) -> Sessions:
        return self.gateway.sessions

    @property
    def web(self) -> ASGIApp:
        return make_web(self.gateway)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        api_keys=SecretStr("local:default,acme-key:acme"),
        inline_bytes=1000,
        max_document_bytes=100_000,
        max_body_bytes=50_000,
        poll_s=0.02,
        retry_pauses_s=(0,),
    )


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as found:
        yield found


@pytest.fixture
async def stack(settings: Settings, sessions: Sessions) -> AsyncIterator[Stack]:
    await ensure_keys(sessions, settings)
    inference, retrieval = FakeInference(), FakeRetrieval()
    registry, evaluation = FakeRegistry(), FakeEvaluation()
    server = aio.server(interceptors=[ErrorStatus()])
    add_InferenceServiceServicer_to_server(inference, server)
    add_RetrievalServiceServicer_to_server(retrieval, server)
    add_RegistryServiceServicer_to_server(registry, server)
    add_EvaluationServiceServicer_to_server(evaluation, server)
    add_DriftServiceServicer_to_server(FakeDrift(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    kafka, rollouts = FakeKafka(), FakeRollouts()
    groups = {service: FakeGroup() for service in WAITS}
    rollouts.add("default", "default")
    async with channel(f"127.0.0.1:{port}") as peers:
        gateway = Gateway(
            settings=settings,
            sessions=sessions,
            callers=Callers(sessions, settings.key_pepper.get_secret_value()),
            rollouts=rollouts,
            inference=Inference(peers, 10),
            retrieval=Retrieval(peers, 10),
            registry=Registry(peers, 10),
            evaluation=Evaluation(peers, 10, 10),
            drift=Drift(peers, 10),
            announce=kafka.announce,
            blobs=Blobs(settings.blob_url),
            counting=Counting(sessions),
            feed=Feed(sessions, settings.poll_s, settings.max_live_clients),
            backlog=Backlog(groups, settings.max_lag),
        )
        yield Stack(gateway, inference, retrieval, registry, evaluation, kafka, rollouts, groups)
        await gateway.callers.close()
    await server.stop(grace=None)


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key `local`, of tenant `default`."""
    transport = httpx.ASGITransport(stack.web)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=LOCAL
    ) as client:
        yield client


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the error of a response, which has OpenAI's shape."""
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error
