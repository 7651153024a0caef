"""What stands for Kafka's clients while the handlers of a service run on its log again."""

import asyncio
import base64
import json
from typing import Any, TextIO

from aiokafka import TopicPartition

from gyre_service.errors import Rejected
from gyre_service.kafka.parser import Record

ATTEMPTS = 3


class Consumer:
    """Gives a handler the records that it is told to, one at a time."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []  # of who asks for records
        self._given: asyncio.Queue[Record] = asyncio.Queue()
        self._free = asyncio.Event()
        self._acknowledged = False

    async def handle(self, record: Record) -> None:
        """Return when a handler is through with `record`, which is its own or another one's.

        Raises:
            Rejected: It is not acknowledged, again and again. The log has said why.
        """
        at = f"{record.topic}/{record.partition}/{record.offset}"
        for _ in range(ATTEMPTS):
            await self._asked(at)
            self._free.clear()
            self._acknowledged = False
            self._given.put_nowait(record)
            await self._asked(at)
            if self._acknowledged:
                return
        raise Rejected(f"{at} waits for something that is away: begin again when it is there")

    async def _asked(self, at: str) -> None:
        asked = asyncio.ensure_future(self._free.wait())
        await asyncio.wait((asked, *self.tasks), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            asked.cancel()
            raise Rejected(f"nobody handles records any more, since {at}")

    def subscribe(self, topics: list[str], **_: Any) -> None:
        """Whoever holds the log knows the topics."""

    async def start(self) -> None:
        """Nothing connects."""

    async def stop(self) -> None:
        """Nothing is connected."""

    async def getone(self) -> Record:
        self._free.set()
        return await self._given.get()

    async def commit(self) -> None:
        self._acknowledged = True

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Only the last record can be meant, which `handle` gives again."""


class Producer:
    """Writes what would be published as lines of JSON: nobody must be told a second time."""

    _closed = False  # FastStream asks

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.published = 0

    async def start(self) -> None:
        """Nothing connects."""

    async def stop(self) -> None:
        """Nothing is connected."""

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Any = (),
        **_: Any,
    ) -> asyncio.Future[None]:
        line = {
            "topic": topic,
            "key": _text(key),
            "headers": {name: _text(content) for name, content in headers},
            "value": _text(value),
        }
        self._file.write(json.dumps(line) + "\n")
        self.published += 1
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    async def send_and_wait(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: Any
    ) -> None:
        await self.send(topic, value, key, headers)


def _text(content: bytes | None) -> str | None:
    """Return bytes as they read, and what is no text in base64, which says so."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(content).decode()}"
