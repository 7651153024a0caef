"""Every request of the public API, as a value: the sync and the async client send the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote
from uuid import uuid4

from gyre_client.errors import GyreError

Thumb = Literal["up", "down"]
Turn = dict[str, str]  # role and content, as OpenAI's messages
PAGE = 100


@dataclass(frozen=True)
class Call:
    """One request. Its key stays the same in every attempt, so that twice is once."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    json: object = None
    content: bytes | None = None
    files: dict[str, tuple[str, bytes, str]] | None = None
    form: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: str(uuid4()))

    def request(self) -> dict[str, Any]:
        """Return the arguments of httpx's `build_request`."""
        headers = dict(self.headers)
        if self.method in ("POST", "DELETE"):
            headers["Idempotency-Key"] = self.key
        return {
            "method": self.method,
            "url": self.path,
            "params": self.params or None,
            "json": self.json,
            "content": self.content,
            "files": self.files,
            "data": self.form,
            "headers": headers,
        }


def said(**values: object) -> dict[str, Any]:
    """Return the members that have a value.

    >>> said(thumb="up", score=None)
    {'thumb': 'up'}
    """
    return {name: value for name, value in values.items() if value is not None}


def listing(path: str, limit: int = PAGE, **filters: str | None) -> Call:
    return Call("GET", path, params={"limit": str(limit), **said(**filters)})


def one(path: str, name: str, method: str = "GET") -> Call:
    """Return a call for the thing of that name, whatever characters the name has."""
    if not name or name in (".", ".."):
        raise GyreError(f"{name!r} names nothing under {path}")
    return Call(method, f"{path}/{quote(name, safe='')}")


def submit(name: str, content: bytes, collection: str) -> Call:
    file = (name, content, "application/octet-stream")
    return Call("POST", "/v1/documents", files={"file": file}, form={"collection": collection})


def ask(
    question: str,
    route: str = "default",
    history: Sequence[Turn] = (),
    retrieval: bool = True,
    conversation_id: str | None = None,
    **options: Any,
) -> Call:
    """Return a streaming question.

    Args:
        question: What is asked; not empty.
        route: The route's name, with or without `gyre/`.
        history: Turns before it, oldest first.
        retrieval: False asks the model alone.
        conversation_id: A UUID that keeps the turns of one conversation together.
        options: More fields of OpenAI's request, as `max_tokens`.
    """
    if not question.strip():
        raise GyreError("the question is empty")
    metadata = said(conversation_id=conversation_id, retrieval=None if retrieval else "off")
    body = {
        "model": "gyre/" + route.removeprefix("gyre/"),
        "messages": [*history, {"role": "user", "content": question}],
        "stream": True,
        **({"metadata": metadata} if metadata else {}),
        **options,
    }
    return Call("POST", "/v1/chat/completions", json=body)


def feedback(
    answer_id: str,
    thumb: Thumb | None = None,
    score: float | None = None,
    comment: str | None = None,
    edited_answer: str | None = None,
    person: str | None = None,
) -> Call:
    words = said(thumb=thumb, score=score, comment=comment, edited_answer=edited_answer)
    if not words:
        raise GyreError("say something of the answer: a thumb, a score, a comment or an edit")
    return Call("POST", "/v1/feedback", json=said(answer_id=answer_id, **words, person=person))


def put_route(
    name: str,
    collection: str | None = None,
    prompt: str | None = None,
    policy: dict[str, object] | None = None,
) -> Call:
    call = one("/v1/routes", name, "PUT")
    body = said(collection=collection, prompt=prompt, policy=policy)
    return Call("PUT", call.path, json=body)


def put_suite(name: str, yaml: str) -> Call:
    call = one("/v1/suites", name, "PUT")
    return Call(
        "PUT", call.path, content=yaml.encode(), headers={"content-type": "application/yaml"}
    )


def evaluate(
    suite: str, route: str | None, adapter: str | None, limit: int | None, *, retrieve: bool
) -> Call:
    body = said(suite=suite, route=route, adapter=adapter, limit=limit, retrieve=retrieve or None)
    return Call("POST", "/v1/evaluations", json=body)


def after(call: Call, last: Any) -> Call:
    """Return the call for the page that follows the one that ended with `last`."""
    return replace(call, params={**call.params, "after": last.id}, key=str(uuid4()))
