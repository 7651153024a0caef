"""A gateway that keeps the public contract, on a real port."""

import hashlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from typer.testing import CliRunner, Result

from gyre_client.command import app as command

ANSWER_ID = "01900000-0000-7000-8000-000000000001"
PASSAGE = {
    "id": "c1",
    "document_id": "d1",
    "document": "handbook/leave.md",
    "page": 3,
    "text": "You have 30 days\nof leave.",
    "score": 0.8213,
}


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def delta(text: str) -> bytes:
    return event({"model": "gyre/default", "choices": [{"index": 0, "delta": {"content": text}}]})


COST = {"amount": "0.00000010", "currency": "EUR", "prices": "v1"}


def last(reason: str = "stop", refused: bool = False, passages: object = (PASSAGE,)) -> bytes:
    gyre = {"answer_id": ANSWER_ID, "refused": refused, "passages": passages, "cost": COST}
    choice = {"index": 0, "delta": {}, "finish_reason": reason}
    return event({"model": "gyre/default", "choices": [choice], "gyre": gyre})


DONE = b"data: [DONE]\n\n"


class FakeGyre:
    """What it was asked, and what it answers. `refuse` makes it fail the next requests."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.refusals: list[Response] = []
        self.documents: dict[str, dict[str, Any]] = {}
        self.unreadable: dict[str, str] = {}  # name: reason
        self.looks_until_settled = 1
        self.answer_parts: list[bytes | Exception] = [
            delta("You have "), delta("30 days [1]."), last(), DONE,
        ]  # fmt: skip
        self.evaluation_parts: list[bytes | Exception] = []
        self.lists: dict[str, Any] = {}  # path: what GET answers, or makes of its query
        self.posts: dict[str, Any] = {}  # path: what POST answers

    def refuse(self, status: int, error: object = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.refusals.append(JSONResponse({"error": error}, status, named))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.requests.append(
            {
                "method": request.method,
                "path": request.url.path,
                "query": dict(request.query_params),
                "headers": dict(request.headers),
                "body": body,
            }
        )
        if request.headers.get("authorization") != "Bearer local":
            error = {"message": "no such API key", "code": "invalid_api_key", "param": None}
            response: Response = JSONResponse({"error": error}, 401)
        elif self.refusals:
            response = self.refusals.pop(0)
        elif request.method == "GET" and request.url.path in self.lists:
            told = self.lists[request.url.path]
            response = JSONResponse(told(request.query_params) if callable(told) else told)
        elif request.method == "POST" and request.url.path in self.posts:
            response = JSONResponse(self.posts[request.url.path])
        else:
            await self.api(scope, _again(body, receive), send)
            return
        await response(scope, receive, send)

    @property
    def api(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/documents", self.post_document, methods=["POST"]),
                Route("/v1/documents", self.list_documents),
                Route("/v1/documents/{id}", self.get_document, methods=["GET", "DELETE"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/feedback", self.feedback, methods=["POST"]),
                Route("/v1/routes/{name}", self.put_route, methods=["PUT"]),
                Route("/v1/suites/{name}", self.put_suite, methods=["PUT"]),
                Route("/v1/evaluations", self.evaluate, methods=["POST"]),
            ]
        )

    async def post_document(self, request: Request) -> Response:
        form = await request.form()
        file: Any = form["file"]
        content, collection = await file.read(), str(form["collection"])
        if not content:
            error = {"message": f"{file.filename} is empty: send its bytes", "param": "file"}
            return JSONResponse({"error": error}, 400)
        id = str(uuid5(NAMESPACE_URL, f"{collection}/{file.filename}"))
        sha256 = hashlib.sha256(content).hexdigest()
        old = self.documents.get(id)
        same = old is not None and old["sha256"] == sha256 and old["status"] == "indexed"
        head = {"id": id, "name": file.filename, "collection": collection, "sha256": sha256}
        if not same:
            version = (old["version"] if old else 0) + 1
            self.documents[id] = {
                **head, "status": "submitted", "version": version, "chunks": 0, "reason": None,
                "updated_at": "2026-01-31T12:00:00Z", "looks": 0,
            }  # fmt: skip
        return JSONResponse({**head, "status": "unchanged" if same else "submitted"}, 202)

    async def list_documents(self, request: Request) -> Response:
        found = list(self.documents.values())
        for name in ("collection", "status"):
            if wanted := request.query_params.get(name):
                found = [row for row in found if row[name] == wanted]
        ids = [row["id"] for row in found]
        after = request.query_params.get("after")
        start = ids.index(after) + 1 if after else 0
        limit = min(int(request.query_params["limit"]), 2)
        data = [_shown(row) for row in found[start : start + limit]]
        more = len(found) > start + limit
        return JSONResponse({"object": "list", "data": data, "has_more": more})

    async def get_document(self, request: Request) -> Response:
        row = self.documents.get(request.path_params["id"])
        if row is None:
            return JSONResponse({"error": {"message": "no such document"}}, 404)
        if request.method == "DELETE":
            row["status"] = "removed"
            return JSONResponse({"id": row["id"], "deleted": True}, 202)
        row["looks"] += 1
        if row["status"] == "submitted" and row["looks"] >= self.looks_until_settled:
            reason = self.unreadable.get(row["name"])
            row |= {"status": "rejected" if reason else "indexed", "reason": reason, "chunks": 4}
        return JSONResponse(_shown(row))

    async def chat(self, request: Request) -> Response:
        headers = {"gyre-answer-id": ANSWER_ID}
        return StreamingResponse(
            _parts(self.answer_parts), media_type="text/event-stream", headers=headers
        )

    async def feedback(self, request: Request) -> Response:
        return JSONResponse({"feedback_id": str(uuid4())}, 202)

    async def put_route(self, request: Request) -> Response:
        body = {"collection": "default", **await request.json()}
        return JSONResponse({"name": request.path_params["name"], "revision": 2, **body})

    async def put_suite(self, request: Request) -> Response:
        return JSONResponse({"name": request.path_params["name"], "items": 2, "digest": "ab" * 32})

    async def evaluate(self, request: Request) -> Response:
        return StreamingResponse(_parts(self.evaluation_parts), media_type="application/x-ndjson")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "looks"}


def _again(body: bytes, rest: Receive) -> Receive:
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return parts.pop() if parts else await rest()

    return receive


async def _parts(parts: list[bytes | Exception]) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part  # the server ends the connection in the middle
        yield part


@pytest.fixture(scope="session")
def _server() -> Iterator[FakeGyre]:
    fake = FakeGyre()
    listening = socket.create_server(("127.0.0.1", 0))
    fake.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(fake, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield fake
    server.should_exit = True
    thread.join(timeout=30)
    listening.close()


@pytest.fixture
def fake(_server: FakeGyre, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> FakeGyre:
    """Return the gateway that `GYRE_URL` names; the command keeps its state in `tmp_path`."""
    _server.reset()
    monkeypatch.setenv("GYRE_URL", _server.url)
    monkeypatch.setenv("GYRE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GYRE_API_KEY", raising=False)
    return _server


@pytest.fixture
def gyre() -> Callable[..., Result]:
    """Return a function that runs the command."""

    def run(*args: str) -> Result:
        result = CliRunner().invoke(command, args)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
