"""Documents out of a request: multipart, or JSON for a text."""

import io
import mimetypes
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from gyre_gateway.openai_wire.base import Wire
from gyre_gateway.uploads import Collection, Name, Upload, described
from gyre_service.errors import Rejected

MAX_FILES = 100
COLLECTION: TypeAdapter[str] = TypeAdapter(Collection)
NAME: TypeAdapter[str] = TypeAdapter(Name)


class TextDocument(Wire):
    """A document as JSON: for texts that are at hand."""

    name: Name
    content: Annotated[str, Field(min_length=1)]
    collection: Collection = "default"
    media_type: str | None = None


FORM_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "minItems": 1,
            "maxItems": MAX_FILES,
        },
        "collection": COLLECTION.json_schema() | {"default": "default"},
    },
}
# Two media types for one body: FastAPI describes only one, so we do.
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": FORM_SCHEMA},
            "application/json": {"schema": TextDocument.model_json_schema()},
        },
    }
}


@asynccontextmanager
async def uploads_of(request: Request, max_bytes: int) -> AsyncIterator[list[Upload]]:
    """Yield the documents of a request. Large ones lie on the disk, and not after it.

    Raises:
        RequestValidationError: A field is wrong.
        TooLarge: A document has more than `max_bytes`.
        Rejected: It is no document.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=MAX_FILES, max_fields=20) as form:
            yield await _of_form(form, max_bytes)
    elif kind == "application/json":
        yield [await _of_json(await request.body(), max_bytes)]
    else:
        raise Rejected(f"content-type is {kind!r}: send multipart/form-data or application/json")


async def _of_json(body: bytes, max_bytes: int) -> Upload:
    with as_body():
        text = TextDocument.model_validate_json(body)
    file = io.BytesIO(text.content.encode())
    media_type = text.media_type or mimetypes.guess_type(text.name)[0] or "text/plain"
    media_type = media_type.partition(";")[0]  # JSON's text is UTF-8, whatever the file was
    return await described(file, text.name, text.collection, media_type, max_bytes)


async def _of_form(form: FormData, max_bytes: int) -> list[Upload]:
    files = [item for name in ("file", "files") for item in form.getlist(name)]
    if not files:
        raise Rejected("no document: send it as a part named `file`", param="file")
    uploads = []
    for file in files:
        if not isinstance(file, UploadFile):
            raise Rejected("a part named `file` needs a file name", param="file")
        with as_body("file"):
            name = NAME.validate_python(file.filename)
        with as_body("collection"):
            collection = COLLECTION.validate_python(form.get("collection", "default"))
        uploads.append(await described(file.file, name, collection, file.content_type, max_bytes))
    return uploads


@contextmanager
def as_body(*field: str) -> Iterator[None]:
    """Report what pydantic refuses as FastAPI does for a body that it reads itself."""
    try:
        yield
    except ValidationError as error:
        found = [{**one, "loc": ("body", *field, *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error
