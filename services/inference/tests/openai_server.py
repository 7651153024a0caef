"""A server that speaks the OpenAI wire over real connections, and misbehaves as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """What somebody asked."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class OpenAiServer:
    """Says its words, one a chunk, and keeps every call."""

    url: str = ""
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "tiny"}])
    says: tuple[str, ...] = ("Blue", " [1]")
    raw: bytes | None = None  # instead of chunks
    usage: dict[str, Any] | None = field(
        default_factory=lambda: {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    )
    status: int = 200
    error: Any = None  # the body that comes with a status
    breaks_off: bool = False  # after the first chunk
    loads: bool = False  # adapters, while it runs
    refuses: str = ""  # the reason why it takes no adapter
    content_type: str = "text/event-stream"
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[Call] = field(default_factory=list)
    logprobs: dict[str, dict[str, float]] = field(default_factory=dict)  # by model
    fails_with: dict[str, int] = field(default_factory=dict)  # by model: a status

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What it was asked to say, without the probes of one token."""
        chats = [call.body for call in self.calls if call.path.endswith("/chat/completions")]
        return [body for body in chats if body["max_tokens"] > 1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether the connection stays open."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or "{}")
        path = first.split(" ")[1]
        self.calls.append(Call(path, headers, body))
        if path == "/v1/chat/completions":
            return await self._chat(reader, writer, body)
        status, found = self._other(path, body)
        _send(writer, status, json.dumps(found).encode())
        await writer.drain()
        return True

    def _other(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/v1/models":
            return (200 if self.status < 500 else self.status), {"data": self.models}
        if path.endswith("load_lora_adapter") and self.loads:
            if self.refuses:
                return 400, {"error": {"message": self.refuses, "code": 400}}
            name = body["lora_name"]
            if path == "/v1/unload_lora_adapter":
                self.models = [card for card in self.models if card["id"] != name]
            else:
                self.models.append({"id": name, "root": body["lora_path"], "parent": "tiny"})
            return 200, f"Success: LoRA adapter '{name}'"
        return 404, {"detail": "Not Found"}

    async def _chat(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict[str, Any]
    ) -> bool:
        status = self.fails_with.get(body["model"], self.status)
        if status != 200:
            _send(writer, status, json.dumps(self.error).encode())
            await writer.drain()
            return True
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {self.content_type}\r\n"
        writer.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
        gone = asyncio.create_task(reader.read(1))  # nothing comes: whoever asked listens
        try:
            for number, event in enumerate(self._events(body)):
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
                if number == 1 and self.breaks_off:
                    writer.transport.abort()
                    return False
                if number == 1:
                    await self._wait(gone)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        finally:
            gone.cancel()
        return False

    async def _wait(self, gone: asyncio.Task[bytes]) -> None:
        going = asyncio.create_task(self.go_on.wait())
        await asyncio.wait([gone, going], return_when=asyncio.FIRST_COMPLETED)
        going.cancel()
        if gone.done():
            raise ConnectionResetError

    def _events(self, body: dict[str, Any]) -> list[bytes]:
        if self.raw is not None:
            return [b": a comment\n\n", self.raw]
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in self.says]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        if body.get("logprobs") and (likely := self.logprobs.get(body["model"])):
            top = [{"token": token, "logprob": value} for token, value in likely.items()]
            position = {"token": "x", "logprob": -1, "top_logprobs": top}
            choices[1]["logprobs"] = {"content": [position]}
        chunks: list[dict[str, Any]] = [{"choices": [choice], "usage": None} for choice in choices]
        if self.usage is not None:
            chunks.append({"choices": [], "usage": self.usage})
        lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
        return [f"data: {line}\n\n".encode() for line in (*lines, "[DONE]")]


def _send(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


@asynccontextmanager
async def serving(server: OpenAiServer, port: int = 0) -> AsyncIterator[OpenAiServer]:
    """Have it listen inside the block; afterwards nobody does."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()
