"""What people do: sign in, ask, praise, correct, send and remove documents."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AfterValidator, BeforeValidator

from gyre_events import FeedbackGiven
from gyre_gateway.asking import Hints, metadata_for
from gyre_gateway.console.rendering import page
from gyre_gateway.console.visitors import SESSION, Acting, forget, remember
from gyre_gateway.disconnects import unless_gone
from gyre_gateway.gateway import Parts
from gyre_gateway.naming import named
from gyre_gateway.openai_wire.base import unix_lines, whole_text
from gyre_gateway.people import pseudonym
from gyre_gateway.receiving import NAME, as_body
from gyre_gateway.submitting import remove, submit
from gyre_gateway.uploads import Collection, described
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.errors import Unauthenticated
from gyre_service.ids import derived_id, new_id, now

router = APIRouter()
Whole = AfterValidator(whole_text)
Written = BeforeValidator(unix_lines)  # in several lines, before they are counted


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)


@router.get("/login")
async def login(request: Request) -> HTMLResponse:
    return page(request, "login", None, {"wrong": ""})


@router.post("/login")
async def sign_in(request: Request, parts: Parts, key: Annotated[str, Form()] = "") -> Response:
    try:
        await parts.callers.caller_of(key.strip())
    except Unauthenticated as error:
        return page(request, "login", None, {"wrong": str(error)}, 401)
    answer = _to("/")
    remember(answer, request, key.strip())
    return answer


@router.post("/logout")
async def sign_out(caller: Acting) -> Response:
    answer = _to("/login")
    forget(answer)
    return answer


@router.post("/ask")
async def ask(
    request: Request,
    parts: Parts,
    caller: Acting,
    question: Annotated[str, Form(min_length=1, max_length=4000), Written, Whole],
    model: Annotated[str, Form()] = "gyre/default",
    form_id: Annotated[UUID | None, Form()] = None,
) -> Response:
    asking = pb.GenerateRequest(
        route=named(model).route, messages=[pb.Message(role="user", content=question)]
    )
    # The same question of one form is one request, however often it is sent.
    once = str(derived_id(form_id, question, model)) if form_id else None
    found = await unless_gone(
        request, parts.inference.complete(asking, metadata_for(caller, Hints(None, once)))
    )
    # Shown as it is: while Kafka is away its event does not come round.
    values = {"answer_id": found.started.answer_id, "question": question, "found": found}
    return page(request, "awaited", caller, values)


@router.post("/answers/{answer_id}/feedback")
async def judge(
    request: Request,
    answer_id: UUID,
    parts: Parts,
    caller: Acting,
    thumb: Annotated[str | None, Form(pattern="^(up|down)$")] = None,
    edited_answer: Annotated[str, Form(max_length=20_000), Written, Whole] = "",
    comment: Annotated[str, Form(max_length=10_000), Written, Whole] = "",
) -> Response:
    parts.backlog.check("feedback")
    said: dict[str, Any] = {
        "thumb": thumb,
        "edited_answer": edited_answer.strip() or None,
        "comment": comment.strip() or None,
    }
    if any(said.values()):
        id, session = new_id(), request.cookies.get(SESSION)
        # Each is a person: a key may be a whole team's, and only the newest of one's thumbs counts.
        person = pseudonym(session and f"console {session}", caller.tenant, parts.pepper) or None
        event = FeedbackGiven(feedback_id=id, answer_id=answer_id, person=person, **said)
        await parts.announce(event, caller.tenant, id, now())
    return _to(f"/answers/{answer_id}")


@router.post("/documents")
async def send(
    parts: Parts,
    caller: Acting,
    file: Annotated[list[UploadFile], File()],
    collection: Annotated[Collection, Form()] = "default",
) -> Response:
    parts.backlog.check("ingestion", "retrieval")
    limit = parts.settings.max_document_bytes
    uploads = []
    for one in file:
        with as_body("file"):
            name = NAME.validate_python(one.filename or "unnamed")
        uploads.append(await described(one.file, name, collection, one.content_type, limit))
    await submit(parts, caller.tenant, uploads, None)
    return _to("/documents")


@router.post("/documents/{document_id}/remove")
async def take_out(document_id: UUID, parts: Parts, caller: Acting) -> Response:
    await remove(parts, caller.tenant, document_id, None)
    return _to("/documents")
