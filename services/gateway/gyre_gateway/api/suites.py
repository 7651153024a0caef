"""`/v1/suites` and `/v1/evaluations`: frozen questions, and how a route does on them."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from google.protobuf.json_format import MessageToDict
from pydantic import Field

from gyre_gateway.disconnects import unless_gone
from gyre_gateway.gateway import Operator, Parts
from gyre_gateway.openai_wire.base import Shown, Wire
from gyre_gateway.openai_wire.errors import problem_of
from gyre_rpc.evaluation.v1 import evaluation_pb2 as pb
from gyre_service.errors import Rejected, ServiceError

router = APIRouter(tags=["suites"])

NDJSON = "application/x-ndjson"
SuiteName = Annotated[str, Path(min_length=1, max_length=200)]
YAML_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string", "minLength": 1}}},
    }
}


class Suite(Shown):
    """A suite; `shipped` ones came with the platform."""

    name: str
    object: Literal["suite"] = "suite"
    digest: str
    items: int
    description: str
    shipped: bool

    @classmethod
    def of(cls, info: pb.SuiteInfo) -> "Suite":
        return cls(
            name=info.name,
            digest=info.digest,
            items=info.items,
            description=info.description,
            shipped=info.shipped,
        )


class SuiteList(Shown):
    object: Literal["list"] = "list"
    data: list[Suite]


class EvaluationRequest(Wire):
    """Which suite against which route; `limit` takes the first so many items.

    `adapter`: a digest, or its first 8 digits or more, an arm's name, or `base`. `retrieve`: the
    route searches its own collection, as for people, instead of reading the items' passages.
    """

    suite: Annotated[str, Field(min_length=1, max_length=200)]
    route: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "default"
    adapter: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=2**31)] | None = None
    retrieve: bool = False


@router.get("/v1/suites")
async def list_suites(parts: Parts, caller: Operator) -> SuiteList:
    """List the suites."""
    found = await parts.evaluation.list_suites(caller.tenant)
    return SuiteList(data=[Suite.of(info) for info in found])


@router.put("/v1/suites/{name:path}", openapi_extra=YAML_BODY)
async def put_suite(name: SuiteName, request: Request, parts: Parts, caller: Operator) -> Suite:
    """Keep a suite, whose body is YAML."""
    try:
        yaml = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Rejected(f"a suite is UTF-8: {error}") from error
    if not yaml.strip():
        raise Rejected("the body is empty: send the suite as YAML")
    return Suite.of(await parts.evaluation.put_suite(caller.tenant, name, yaml))


@router.post(
    "/v1/evaluations", response_class=StreamingResponse, responses={200: {"content": {NDJSON: {}}}}
)
async def evaluate(
    request: Request, body: EvaluationRequest, parts: Parts, caller: Operator
) -> StreamingResponse:
    """Run a suite: a line `{"item": ...}` for each as it is answered, last `{"report": ...}`.

    A run that fails ends with `{"error": ...}` instead of its report.
    """
    asked = pb.EvaluateRequest(
        suite=body.suite,
        route=body.route,
        adapter=body.adapter or "",
        limit=body.limit or 0,
        retrieve=body.retrieve,
    )
    responses = parts.evaluation.evaluate(caller.tenant, asked)
    # What fails before the first item is plain HTTP.
    first = await unless_gone(request, _next(responses))
    lines = _lines(first, responses, parts.settings.retry_after_s)
    return StreamingResponse(lines, media_type=NDJSON, headers={"X-Accel-Buffering": "no"})


async def _next(responses: AsyncIterator[pb.EvaluateResponse]) -> pb.EvaluateResponse:
    async for response in responses:
        return response
    raise ServiceError("evaluation ended without a report")


async def _lines(
    first: pb.EvaluateResponse, rest: AsyncIterator[pb.EvaluateResponse], retry_after_s: int
) -> AsyncIterator[str]:
    async with aclosing(cast(Any, rest)):
        try:
            yield _line(first)
            async for response in rest:
                yield _line(response)
        except ServiceError as error:  # the status is sent
            yield json.dumps(problem_of(error, retry_after_s).body) + "\n"


def _line(response: pb.EvaluateResponse) -> str:
    part = response.report if response.HasField("report") else response.item
    fields = MessageToDict(
        part, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return json.dumps({response.WhichOneof("part"): fields}, ensure_ascii=False) + "\n"
