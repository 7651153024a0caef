"""`/v1/adapters`: LoRA adapters, ours and those that are brought."""

import tempfile
from pathlib import Path
from typing import Literal

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from gyre_gateway.api.rollouts import ShownRollout
from gyre_gateway.api.routes import RouteName
from gyre_gateway.asking import IdempotencyKey
from gyre_gateway.errors import TooLarge
from gyre_gateway.gateway import BY, Operator, Parts
from gyre_gateway.openai_wire.base import Shown
from gyre_gateway.repeating import event_id
from gyre_gateway.showing import fields_of
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_service import adapters
from gyre_service.errors import NotFound, Rejected

router = APIRouter(tags=["rollouts"])

FILES = (adapters.CONFIG, adapters.WEIGHTS)
ROUTE: TypeAdapter[str] = TypeAdapter(RouteName)
BLOCK = 1024 * 1024
REQUEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": list(FILES),
                    "properties": {name: {"type": "string", "format": "binary"} for name in FILES}
                    | {"route": {"type": "string", "default": "default"}},
                }
            }
        },
    }
}


class Adapter(Shown):
    """An adapter; `job_id` is empty for one that was brought."""

    digest: str
    object: Literal["adapter"] = "adapter"
    uri: str
    route: str
    base_digest: str
    job_id: str
    stage: str
    created_at: str


class AdapterList(Shown):
    object: Literal["list"] = "list"
    data: list[Adapter]


@router.get("/v1/adapters")
async def list_adapters(parts: Parts, caller: Operator, route: str = "") -> AdapterList:
    """List adapters, newest first."""
    found = await parts.registry.list_adapters(caller.tenant, route)
    return AdapterList(data=[Adapter.model_validate(fields_of(one)) for one in found])


@router.post("/v1/adapters", status_code=201, openapi_extra=REQUEST_BODY)
async def import_adapter(
    request: Request, parts: Parts, caller: Operator, idempotency_key: IdempotencyKey = None
) -> ShownRollout:
    """Bring a LoRA adapter of peft for a route's base: it goes the way of every other one.

    With the same `Idempotency-Key` it goes that way once.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        async with request.form(max_files=len(FILES), max_fields=5) as form:
            route = _route(form)
            for name in FILES:
                await _save(form, name, folder / name, parts.settings.max_document_bytes)
        base = await _base_of(parts, caller.tenant, route)
        digest = await to_thread.run_sync(_sealed, folder, base)
        uri = await adapters.store(folder, parts.settings.adapter_url)
    body = {"route": route, "adapter_digest": digest}
    id = await event_id(parts.sessions, caller.tenant, "adapters", idempotency_key, body)
    wanted = pb.ImportAdapterRequest(**body, adapter_uri=uri, by=BY, rollout_id=str(id))
    return ShownRollout.of(await parts.registry.import_adapter(caller.tenant, wanted))


def _route(form: FormData) -> str:
    try:
        return ROUTE.validate_python(form.get("route", "default"))
    except ValidationError as error:
        raise Rejected(f"route: {error.errors()[0]['msg']}", param="route") from error


async def _save(form: FormData, name: str, path: Path, max_bytes: int) -> None:
    part = form.get(name)
    if not isinstance(part, UploadFile):
        raise Rejected(f"no {name}: send it as a part of that name, with a file name", param=name)
    size = 0
    with path.open("wb") as file:
        while block := await part.read(BLOCK):
            size += len(block)
            if size > max_bytes:
                raise TooLarge(f"{name} has more than {max_bytes} bytes", param=name)
            file.write(block)
    if not size:
        raise Rejected(f"{name} is empty", param=name)


async def _base_of(parts: Parts, tenant: str, route: str) -> str:
    for one in await parts.registry.list_routes(tenant):
        if one.name == route:
            return one.base_digest
    raise NotFound(f"there is no route {route!r}", param="route")


def _sealed(folder: Path, base: str) -> str:
    digest = adapters.seal(folder, base, {"imported": True})
    adapters.verify(folder, digest, base)
    return digest
