from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import grpc
import pytest
from faststream.kafka import TestKafkaBroker
from grpc import aio
from sqlmodel import col, select

from gyre_events import Base, Event, RolloutChanged
from gyre_registry import store  # noqa: F401 (the tables are made with the database)
from gyre_registry.deciding import put_route
from gyre_registry.desired import Wish
from gyre_registry.handlers import router
from gyre_registry.servicer import Servicer
from gyre_rpc.registry.v1.registry_pb2_grpc import (
    RegistryServiceStub,
    add_RegistryServiceServicer_to_server,
)
from gyre_service.database import Sessions, open_database, snapshot
from gyre_service.kafka import Broker
from gyre_service.kafka.outbox import Outbox
from gyre_service.rpc import ErrorStatus, calling_for
from gyre_service.settings import ServiceSettings

ACME = calling_for("acme")
Send: TypeAlias = Callable[..., Awaitable[None]]

BASE = Base(name="reference", digest="a" * 64)
OTHER = Base(name="gemma-3-270m", digest="b" * 64)


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}") as sessions:
        yield sessions


class Published:
    """What waits in the outbox, as a topic would tell it."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def rows(self) -> list[Outbox]:
        async with snapshot(self._sessions) as session:
            return list((await session.exec(select(Outbox).order_by(col(Outbox.position)))).all())

    async def rollouts(self) -> list[tuple[str, RolloutChanged]]:
        return [
            (row.headers["ce_tenant"], RolloutChanged.model_validate_json(row.body))
            for row in await self.rows()
        ]


@pytest.fixture
def published(sessions: Sessions) -> Published:
    return Published(sessions)


@pytest.fixture
async def send(sessions: Sessions) -> AsyncIterator[Send]:
    """Publish an event; twice, as a redelivery would."""
    policy = '{"release": {"step_evidence": 6, "steps": [100, 5000]}}'
    await put_route(sessions, "acme", Wish("default", policy_json=policy), BASE)
    broker = Broker(ServiceSettings(service="registry", retry_pauses_s=(0, 0)))
    broker.include_router(router)
    broker.context.set_global("sessions", sessions)

    async def publish(event: Event, tenant: str = "acme") -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid4()),
            "ce_source": "/gyre/test",
            "ce_type": f"gyre.{event.topic}",
            "ce_time": "2026-01-01T00:00:00Z",
            "ce_tenant": tenant,
            "content-type": "application/json",
        }
        for _ in range(2):
            body = event.model_dump_json().encode()
            await broker.publish(body, topic=event.topic, headers=headers)

    async with TestKafkaBroker(broker):
        yield publish


@pytest.fixture
async def channel(sessions: Sessions, tmp_path: Path) -> AsyncIterator[aio.Channel]:
    server = aio.server(interceptors=[ErrorStatus()])
    add_RegistryServiceServicer_to_server(Servicer(sessions, BASE, tmp_path / "cache"), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(grace=None)


@pytest.fixture
def stub(channel: aio.Channel) -> Any:
    return RegistryServiceStub(channel)


async def refusal(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""
