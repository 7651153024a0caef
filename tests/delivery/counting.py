"""The smallest service that accumulates, for tests of the kit on a real broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from faststream.asgi import AsgiFastStream
from sqlmodel import Field, SQLModel

from gyre_events import Event
from gyre_service.database import Sessions, transaction
from gyre_service.kafka import Broker, Cause, Given, Router
from gyre_service.process import Process, make_process
from gyre_service.seen import first_time
from gyre_service.settings import ServiceSettings


class Noted(Event):
    topic: ClassVar[str] = "noted"
    key_field: ClassVar[str] = "author"

    author: str
    words: int


class Counted(Noted):
    topic: ClassVar[str] = "counted"


class Words(SQLModel, table=True):
    """How many words an author wrote."""

    tenant: str = Field(primary_key=True)
    author: str = Field(primary_key=True)
    words: int = 0


@asynccontextmanager
async def nothing(_: Process) -> AsyncIterator[None]:
    """Add no parts: events are all that this service has."""
    yield


def make_app(settings: ServiceSettings) -> AsgiFastStream:
    router = Router(settings.service)

    @router.publisher(Counted.topic)
    @router.subscriber(Noted.topic)
    async def count(
        event: Noted, cause: Cause, sessions: Annotated[Sessions, Given("sessions")]
    ) -> Counted:
        async with transaction(sessions) as session:
            row = await session.get(Words, (cause.tenant, event.author)) or Words(
                tenant=cause.tenant, author=event.author
            )
            if await first_time(session, cause):
                row.words += event.words
            session.add(row)
        return Counted(author=row.author, words=row.words)

    broker = Broker(settings)
    broker.include_router(router)
    return make_process(settings, broker, nothing)
