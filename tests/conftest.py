"""A running stack of real parts, as `make test` starts it, and ways to look at it from outside."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from gyre_local.stack import Stack as LocalStack
from gyre_local.supervisor import Supervisor

T = TypeVar("T")
Record: TypeAlias = ConsumerRecord[bytes, bytes]


@dataclass(frozen=True)
class Stack:
    """Where a stack listens."""

    home: Path
    base: int

    @property
    def local(self) -> LocalStack:
        """The same stack, as who starts it knows it."""
        return LocalStack(self.home, self.base)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.local)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.base}"

    @property
    def inference(self) -> str:
        return f"127.0.0.1:{self.base + 1}"

    @property
    def kafka(self) -> str:
        return f"127.0.0.1:{self.base + 2}"

    def health(self, index: int) -> str:
        return f"http://127.0.0.1:{self.base + 11 + 2 * index}"

    def read(self, topic: str, since: float = 0.0) -> list[Record]:
        """Return everything that `topic` holds now, or what came `since`, in seconds since 1970."""
        return asyncio.run(self._read(topic, since))

    async def _read(self, topic: str, since: float) -> list[Record]:
        # Without a group every partition is assigned when `start` returns.
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=self.kafka, auto_offset_reset="earliest"
        ) as consumer:
            ends = await consumer.end_offsets(sorted(consumer.assignment()))
            await _seek(consumer, ends, since)
            found: list[Record] = []
            for partition, end in ends.items():
                while await consumer.position(partition) < end:
                    for records in (await consumer.getmany(partition, timeout_ms=500)).values():
                        found += records
            return found

    def comes(
        self, topic: str, since: float, wanted: Callable[[Record], bool], seconds: float
    ) -> bool:
        """Tell whether a record that is `wanted` came `since`, or comes within so many seconds."""
        return asyncio.run(self._comes(topic, since, wanted, seconds))

    async def _comes(
        self, topic: str, since: float, wanted: Callable[[Record], bool], seconds: float
    ) -> bool:
        end = time.monotonic() + seconds
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=self.kafka, auto_offset_reset="earliest"
        ) as consumer:
            await _seek(consumer, await consumer.end_offsets(consumer.assignment()), since)
            while (left := end - time.monotonic()) > 0:
                found = await consumer.getmany(timeout_ms=int(left * 1000))
                if any(wanted(record) for records in found.values() for record in records):
                    return True
        return False


async def _seek(
    consumer: "AIOKafkaConsumer[bytes, bytes]", ends: dict[TopicPartition, int], since: float
) -> None:
    """Read from the first record that came `since`; from the end, if none did."""
    begins = (
        await consumer.offsets_for_times(dict.fromkeys(ends, int(since * 1000))) if since else {}
    )
    for partition, end in ends.items():
        # Known only when the reset is over that a start begins: it would win over a seek.
        await consumer.position(partition)
        if since:
            begin = begins[partition]
            consumer.seek(partition, end if begin is None else begin.offset)


@pytest.fixture(scope="session")
def stack() -> Stack:
    if "GYRE_TEST_STACK" not in os.environ:
        pytest.skip("no stack runs: `make test` starts one")
    return Stack(Path(os.environ["GYRE_HOME"]), int(os.environ["GYRE_PORT_BASE"]))


@pytest.fixture
def collection() -> str:
    """Return a collection that no other test has put a document into."""
    return f"test-{uuid4().hex[:8]}"


def client(stack: Stack, key: str) -> httpx.Client:
    return httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=120)


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with client(stack, "local") as http:
        yield http


@pytest.fixture
def acme(stack: Stack) -> Iterator[httpx.Client]:
    """Ask as another tenant."""
    with client(stack, "acme-key") as http:
        yield http


def until(what: Callable[[], T | None], wanted: str, timeout_s: float = 60) -> T:
    """Return the first true value of `what`; fail saying what was `wanted`."""
    end = time.monotonic() + timeout_s
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"not within {timeout_s:g} s: {wanted}; last seen: {value!r}")
        time.sleep(0.2)


def put(
    api: httpx.Client, collection: str, name: str, content: bytes, media: str = "text/markdown"
) -> dict[str, Any]:
    """Send one document; return what the gateway answered."""
    answer = api.post(
        "/v1/documents", files={"file": (name, content, media)}, data={"collection": collection}
    )
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body["data"][0] if "data" in body else body


def document(api: httpx.Client, id: str) -> dict[str, Any]:
    body: dict[str, Any] = api.get(f"/v1/documents/{id}").json()
    return body


def indexed(api: httpx.Client, id: str, version: int = 1) -> dict[str, Any]:
    """Wait until a version of a document is what search finds."""

    def look() -> dict[str, Any]:
        found = document(api, id)
        there = found.get("status") == "indexed" and found.get("version") == version
        return found if there else {}

    return until(look, f"document {id} indexed in version {version}")


def route(api: httpx.Client, collection: str) -> str:
    """Make a route on `collection`; return the name of its model."""
    answer = api.put(f"/v1/routes/{collection}", json={"collection": collection})
    assert answer.status_code == 200, answer.text
    model = f"gyre/{collection}"
    until(
        lambda: model in [row["id"] for row in api.get("/v1/models").json()["data"]],
        f"{model} is served",
    )
    return model


def ask(api: httpx.Client, model: str, question: str, **more: Any) -> dict[str, Any]:
    """Ask one question and return the whole body."""
    answer = api.post(
        "/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": question}], **more},
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
