"""`python -m gyre_bench.endpoint PORT`: the bare engine with OpenAI's chat in front of it.

It is what LiteLLM's proxy is measured before: no more than has to be there, and the engine's
own time in the header that Gyre has it in.
"""

import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gyre_bench.engine import Bare, started
from gyre_bench.sides import ENGINE_MS
from gyre_inference.generation import Turn
from gyre_inference.settings import Settings


def usage_of(prompt: int, completion: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


class Endpoint:
    """Answers `/v1/chat/completions`.

    Args:
        bare: The engine.
        model: What it is called.
    """

    def __init__(self, bare: Bare, model: str) -> None:
        self._bare = bare
        self._model = model

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        turns = [Turn(one["role"], one["content"]) for one in body["messages"]]
        prompt = self._bare.launched.tokens.render(turns)
        if body.get("stream"):
            return StreamingResponse(
                self._stream(prompt, body["max_tokens"]), media_type="text/event-stream"
            )
        text, tokens, reason = "", 0, None
        begin = time.perf_counter()
        async for piece in self._bare.pieces(prompt, body["max_tokens"]):
            text, tokens, reason = text + piece.text, tokens + piece.tokens, piece.reason
        engine_ms = (time.perf_counter() - begin) * 1000
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        answer = self._head("chat.completion") | {
            "choices": [choice | {"finish_reason": reason}],
            "usage": usage_of(len(prompt), tokens),
        }
        return JSONResponse(answer, headers={ENGINE_MS: f"{engine_ms:.3f}"})

    async def _stream(self, prompt: list[int], max_tokens: int) -> AsyncIterator[str]:
        head, tokens = self._head("chat.completion.chunk"), 0
        async for piece in self._bare.pieces(prompt, max_tokens):
            tokens += piece.tokens
            delta = {"role": "assistant", "content": piece.text}
            choice = {"index": 0, "delta": delta, "finish_reason": piece.reason}
            yield _event(head | {"choices": [choice]})
        yield _event(head | {"choices": [], "usage": usage_of(len(prompt), tokens)})
        yield "data: [DONE]\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        now = time.time()
        return {
            "id": f"chatcmpl-{time.perf_counter_ns()}",
            "object": kind,
            "created": int(now),
            "model": self._model,
        }


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


async def health(request: Request) -> Response:
    return PlainTextResponse("ok")


def application(bare: Bare, model: str) -> Starlette:
    chat = Route("/v1/chat/completions", Endpoint(bare, model).chat, methods=["POST"])
    return Starlette(routes=[chat, Route("/health", health)])


def main() -> None:
    settings = Settings()
    launched = started(settings)
    try:
        app = application(Bare(launched), settings.model_name)
        uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
    finally:
        launched.llm.shutdown()


if __name__ == "__main__":
    main()
