"""A TCP proxy that delays, breaks or swallows what passes, and can choose among targets."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TypeAlias

RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: closing sends RST
CHUNK = 64 * 1024
Waiting: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"  # each with when it goes on


class Proxy:
    """Passes on, from its block's beginning to its end; what it does to it may change meanwhile.

    Args:
        port: Where it listens, on loopback.
        targets: Ports that are tried in this order for each connection: the first that accepts.
        seed: Of what is drawn.
    """

    def __init__(self, port: int, targets: Callable[[], Sequence[int]], seed: int = 0) -> None:
        self.passed = self.held = self.reset = 0  # chunks
        self._delay_s = self._reset_share = 0.0
        self._flows = threading.Event()  # not: nothing passes any more, nothing is closed
        self._flows.set()
        self.url = f"http://127.0.0.1:{port}"
        self.port, self._targets = port, targets
        self._rng = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()

    def hurt(
        self, delay_s: float = 0.0, reset_share: float = 0.0, *, swallows: bool = False
    ) -> None:
        """Do this from now on to what passes, and nothing else.

        Args:
            delay_s: Of each chunk, either way.
            reset_share: Of the chunks: the connection is reset in its stead.
            swallows: Nothing passes any more, and nothing is closed.
        """
        self._delay_s, self._reset_share = delay_s, reset_share
        (self._flows.clear if swallows else self._flows.set)()

    def __enter__(self) -> "Proxy":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._listening: Future[None] = Future()
        self._thread.start()
        self._listening.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flows.set()
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        except OSError as error:
            self._listening.set_exception(error)
            return
        self._listening.set_result(None)
        await self._over.wait()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there, back = await self._connect()
        except OSError:
            _reset(writer)
            self._open.discard(writer)
            return
        self._open.add(back)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, back, writer))
            group.create_task(self._pump(there, writer, back))
        writer.close()
        back.close()
        self._open -= {writer, back}

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failed = OSError("no target")
        for target in self._targets():
            try:
                return await asyncio.open_connection("127.0.0.1", target)
            except OSError as error:
                failed = error
        raise failed

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
    ) -> None:
        waiting: Waiting = asyncio.Queue(64)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(reader, waiting))
                group.create_task(self._write(waiting, writer))
        except* OSError:  # one end has gone, or is made to
            _reset(writer)
            _reset(other)

    async def _read(self, reader: asyncio.StreamReader, waiting: Waiting) -> None:
        chunk = b"begun"
        while chunk:
            chunk = await reader.read(CHUNK)
            if not self._flows.is_set():
                self.held += 1
                await asyncio.to_thread(self._flows.wait)
            if chunk and self._rng.random() < self._reset_share:
                self.reset += 1
                raise ConnectionResetError
            await waiting.put((self._loop.time() + self._delay_s, chunk))

    async def _write(self, waiting: Waiting, writer: asyncio.StreamWriter) -> None:
        while True:
            due, chunk = await waiting.get()
            await asyncio.sleep(due - self._loop.time())
            if not chunk:
                break
            writer.write(chunk)
            self.passed += 1
            await writer.drain()
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    if found is not None and not writer.transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
