from uuid import UUID

import httpx

from gyre_gateway.repeating import event_id
from gyre_service.ids import derived_id

from .conftest import Stack, error_of

URL = "/v1/documents"
TEXT = {"name": "keys.md", "content": "The key is under the mat."}
KEY = {"Idempotency-Key": "once"}


async def test_the_same_bytes_of_another_media_type_are_another_body(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    assert (await http.post(URL, json=TEXT, headers=KEY)).status_code == 202

    said = TEXT | {"media_type": "text/markdown"}  # what the name says as well
    assert (await http.post(URL, json=said, headers=KEY)).status_code == 202
    other = await http.post(URL, json=TEXT | {"media_type": "text/html"}, headers=KEY)

    assert other.status_code == 422
    assert error_of(other)["code"] == "idempotency_key_reused"


async def test_a_key_that_was_kept_without_the_media_type_is_repeated_under_its_id(
    http: httpx.AsyncClient, stack: Stack
) -> None:
    first = (await http.post(URL, json=TEXT)).json()
    kept = [(first["collection"], first["name"], first["sha256"])]
    id = await event_id(stack.sessions, "default", "documents", "once", kept)

    repeated = await http.post(URL, json=TEXT, headers=KEY)
    other = await http.post(URL, json=TEXT | {"content": "else"}, headers=KEY)

    assert (repeated.status_code, other.status_code) == (202, 422)
    assert stack.kafka.sent[1][2] == derived_id(id, UUID(first["id"]))
