"""What every endpoint needs, in one place; built by `app`, found on the request."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeAlias
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from gyre_events import Event, RolloutChanged
from gyre_gateway.access import Caller, Callers
from gyre_gateway.backlog import Backlog
from gyre_gateway.blobs import Blobs
from gyre_gateway.clients import Drift, Evaluation, Inference, Registry, Retrieval
from gyre_gateway.console.figures import Counting
from gyre_gateway.live import Feed
from gyre_gateway.settings import Settings
from gyre_service.database import Sessions

# Publishes an event of a tenant under an id and a time; returns when Kafka has it.
Announce: TypeAlias = Callable[[Event, str, UUID, datetime], Awaitable[None]]


class Rollouts(Protocol):
    """What routes serve, by tenant: the table of `rollout-changed`."""

    def get(self, tenant: str, key: str) -> RolloutChanged | None: ...
    def rows(self) -> list[tuple[str, RolloutChanged]]: ...


@dataclass(frozen=True)
class Gateway:
    """The parts of a running gateway."""

    settings: Settings
    sessions: Sessions
    callers: Callers
    rollouts: Rollouts
    inference: Inference
    retrieval: Retrieval
    registry: Registry
    evaluation: Evaluation
    drift: Drift
    announce: Announce
    blobs: Blobs
    feed: Feed
    counting: Counting
    backlog: Backlog

    @property
    def pepper(self) -> str:
        return self.settings.key_pepper.get_secret_value()


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


# Dependencies wait for nothing, but a plain function would be given to a thread.
async def _gateway(request: Request) -> Gateway:
    return gateway_of(request)


# The key was checked before the body was read (`perimeter`); this one is for the description.
_bearer = HTTPBearer(auto_error=False, description="An API key")


def having(scope: str) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """Return a dependency that gives who asks, if the key has `scope`."""

    async def caller(request: Request, _: Annotated[object, Security(_bearer)] = None) -> Caller:
        known: Caller = request.state.caller
        known.allow(scope)
        return known

    return caller


Parts = Annotated[Gateway, Depends(_gateway)]
Asker = Annotated[Caller, Depends(having("ask"))]
Author = Annotated[Caller, Depends(having("documents"))]
Critic = Annotated[Caller, Depends(having("feedback"))]
Operator = Annotated[Caller, Depends(having("operate"))]

BY = "operator"  # who has decided, where a caller who may did
