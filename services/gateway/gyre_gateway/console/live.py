"""The changes of the visitor's tenant, by the cookie that `EventSource` sends by itself."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import FileResponse, StreamingResponse

from gyre_gateway.answering import EVENT_STREAM, UNBUFFERED
from gyre_gateway.api.events import stream
from gyre_gateway.console.rendering import HERE
from gyre_gateway.console.visitors import Visitor
from gyre_gateway.gateway import Parts
from gyre_service.errors import NotFound

router = APIRouter()
MEDIA = {"console.css": "text/css", "live.js": "text/javascript", "logo.svg": "image/svg+xml"}


@router.get("/console/events")
async def follow(
    parts: Parts,
    caller: Visitor,
    last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$")] = None,
) -> StreamingResponse:
    parts.feed.check_room(caller.tenant)
    position = None if last_event_id is None else int(last_event_id)
    return StreamingResponse(
        stream(parts, caller.tenant, position), media_type=EVENT_STREAM, headers=UNBUFFERED
    )


@router.get("/console/static/{name}")
async def static(name: str) -> FileResponse:
    if name not in MEDIA:
        raise NotFound(f"there is no file {name}")
    return FileResponse(HERE / "static" / name, media_type=MEDIA[name])
