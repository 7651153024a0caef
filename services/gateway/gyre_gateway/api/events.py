"""`/v1/events`: every change of the tenant's read models, as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from gyre_gateway.answering import EVENT_STREAM, UNBUFFERED
from gyre_gateway.gateway import Gateway, Operator, Parts
from gyre_gateway.live import News

router = APIRouter(tags=["events"])


@router.get(
    "/v1/events",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}}},
)
async def follow(
    parts: Parts,
    caller: Operator,
    last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$")] = None,
) -> StreamingResponse:
    """Follow changes: `document`, `answer`, `score`, `verdict`, `example`, `rollout`.

    `Last-Event-ID` continues where a connection broke, as browsers do by themselves.
    """
    position = None if last_event_id is None else int(last_event_id)
    parts.feed.check_room(caller.tenant)
    return StreamingResponse(
        stream(parts, caller.tenant, position), media_type=EVENT_STREAM, headers=UNBUFFERED
    )


async def stream(parts: Gateway, tenant: str, position: int | None) -> AsyncIterator[str]:
    """Yield what changes, from after `position` if one is given; ends when the client is slow."""
    with parts.feed.listening(tenant) as listener:
        yield ": connected\n\n"
        caught_up = set()  # not up to where: PostgreSQL commits positions out of order
        if position is not None and not await parts.feed.knows(position):
            position = None  # of a database that is gone: it begins at now, as whoever is new
        if position is not None:
            async for news in parts.feed.since(tenant, position):
                caught_up.add(news.position)
                yield _event(news)
        while True:
            try:
                found = await asyncio.wait_for(listener.queue.get(), parts.settings.heartbeat_s)
            except TimeoutError:
                yield ": nothing new\n\n"
                continue
            if found is None:  # too slow, or the gateway stops: the client comes again
                return
            at = found.position
            if at is None or (at > (position or 0) and at not in caught_up):
                yield _event(found)


def _event(news: News) -> str:
    id = "" if news.position is None else f"id: {news.position}\n"
    return f"{id}event: {news.kind}\ndata: {json.dumps(news.data, ensure_ascii=False)}\n\n"
