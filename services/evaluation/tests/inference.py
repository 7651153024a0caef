"""A route that answers as it is told, on a real gRPC server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import uuid4

from grpc import aio

from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import (
    InferenceServiceServicer,
    add_InferenceServiceServicer_to_server,
)
from gyre_service.rpc import ErrorStatus

Reply: TypeAlias = Callable[[pb.GenerateRequest], str]  # empty: a refusal


@dataclass
class FakeInference(InferenceServiceServicer):
    """Answers with the first passage, cited; `reply` may say or raise something else."""

    reply: Reply = lambda request: f"{request.evidence[0].text} [1]"
    prompt: str = ""  # digest of what it is asked with
    held: asyncio.Event | None = None  # answers wait for it
    asked: list[tuple[dict[str, str], pb.GenerateRequest]] = field(default_factory=list)
    full: asyncio.Event = field(default_factory=asyncio.Event)  # four are running
    idle: asyncio.Event = field(default_factory=asyncio.Event)  # again
    running: int = 0
    most_running: int = 0
    cancelled: int = 0

    def Generate(self, request: Any, context: Any) -> Any:
        raise AssertionError("evaluation does not stream")

    async def Complete(self, request: pb.CompleteRequest, context: Any) -> pb.CompleteResponse:
        inner = request.request
        self.asked.append((dict(context.invocation_metadata()), inner))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.idle.clear()
        if self.running == 4:
            self.full.set()
        try:
            await (self.held.wait() if self.held else asyncio.sleep(0.001))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
            if self.running == 0:
                self.idle.set()
        text = self.reply(inner)
        return pb.CompleteResponse(
            started=pb.Started(
                answer_id=str(uuid4()),
                model="tiny",
                route=inner.route or "default",
                prompt=self.prompt,
                passages=inner.evidence,
            ),
            finished=pb.Finished(answer=text or "I don't know.", refused=not text),
        )


@asynccontextmanager
async def served(servicer: Any, add: Any) -> AsyncIterator[aio.Channel]:
    """Yield a channel to `servicer` on a server of its own."""
    server = aio.server(interceptors=[ErrorStatus()])
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(grace=None)


def answering(fake: FakeInference) -> Any:
    return served(fake, add_InferenceServiceServicer_to_server)
