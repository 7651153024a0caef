"""What a service promises about delivery, on a real broker: nothing lost, nothing counted twice."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as BatchBuilder
from sqlmodel import Session, create_engine, select

from gyre_service.errors import Unavailable
from gyre_service.kafka import Broker
from gyre_service.kafka.dead_letters import DeadLetterQueue

from .conftest import Kafka
from .counting import Noted, Words


async def test_poison_is_parked_byte_for_byte_and_the_partition_moves_on(kafka: Kafka) -> None:
    handled: list[dict[str, int]] = []
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        handled.append(body)

    poison = [
        await kafka.send(b"{not json"),
        await kafka.send(b"\xff\xfe"),
        await kafka.send(b'{"a": "wrong type"}', note=b"\xff\xfe"),
        await kafka.send(b'{"a": 1}', ce_id=None),
        await kafka.send(b'{"a": 1}', ce_type=b"\xff\xfe"),
        await kafka.send(None),
    ]
    await kafka.send(b'{"a": 2}', note=None)  # odd, but nothing we need: handled
    async with broker:
        await broker.start()
        await kafka.commits(7)

    parked = await kafka.read("-dlq")
    assert handled == [{"a": 2}]
    assert [(r.key, r.value, list(r.headers[:-8])) for r in parked] == poison
    origins = [dict(r.headers) for r in parked]
    assert [o["dlq_offset"] for o in origins] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert origins[0]["dlq_exception"].endswith(b"JSONDecodeError")
    assert {o["dlq_group"] for o in origins} == {kafka.topic.encode()}


async def test_what_is_too_large_to_be_parked_leaves_its_origin_and_the_partition_moves_on(
    kafka: Kafka,
) -> None:
    handled: list[dict[str, int]] = []
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        handled.append(body)

    async with AIOKafkaProducer(
        bootstrap_servers=kafka.settings.kafka_servers,
        compression_type="zstd",  # what Kafka has taken before topics counted the true size
        max_request_size=2 * DeadLetterQueue.MAX_BYTES,
    ) as sending:
        large = b"{not json" + b" " * DeadLetterQueue.MAX_BYTES
        await sending.send_and_wait(kafka.topic, large, key=b"k", headers=kafka.envelope)
    await kafka.send(b'{"a": 1}')
    async with broker:
        await broker.start()
        await kafka.commits(2)

    assert handled == [{"a": 1}]
    [parked] = await kafka.read("-dlq")
    origin = dict(parked.headers)
    assert (parked.key, parked.value) == (None, b"")
    assert (origin["dlq_topic"], origin["dlq_offset"]) == (kafka.topic.encode(), b"0")
    assert (origin["dlq_reason"] or b"").startswith(b"too large to be kept, only its origin is: ")


class Latin(str):
    """A header's name, as a producer in another language may write one."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_whatever_a_producer_compresses_and_calls_its_headers_is_read(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, codec: str | None
) -> None:
    handled: list[dict[str, int]] = []
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        handled.append(body)

    # The fast one wants names that are text.
    for module in (message_accumulator, producer):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", BatchBuilder)
    named = [*kafka.envelope, (Latin("größe"), b"\xff")]
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.settings.kafka_servers, compression_type=codec, linger_ms=100
    ) as sending:
        sent = [
            await sending.send(kafka.topic, value, key=b"k", headers=headers)
            for value, headers in (
                (b'{"a": 1}', kafka.envelope),
                (b'{"a": 2}', named),
                (b"{not json", named),
                (b'{"a": 3}', kafka.envelope),
            )
        ]
        await asyncio.gather(*sent)  # one batch
    async with broker:
        await broker.start()
        await kafka.commits(4)

    assert handled == [{"a": 1}, {"a": 2}, {"a": 3}]
    [parked] = await kafka.read("-dlq")
    assert parked.value == b"{not json"
    assert ("gr\ufffd\ufffde", b"\xff") in parked.headers


async def test_a_result_goes_where_we_say_and_not_where_a_record_wants_it(kafka: Kafka) -> None:
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> dict[str, int]:
        return body

    await kafka.send(b'{"a": 1}', reply_to=f"{kafka.topic}-scored".encode())
    await kafka.send(b'{"a": 2}', reply_to=b"no-such-topic")
    async with broker:
        await broker.start()
        await kafka.commits(2)

    assert await kafka.read("-scored") == await kafka.read("-dlq") == []


async def test_a_message_waits_for_its_dependency_and_keeps_its_place(kafka: Kafka) -> None:
    attempts: list[dict[str, int]] = []
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        attempts.append(body)
        if len(attempts) < 8:  # more than one delivery of three attempts each
            raise Unavailable("away")

    await kafka.send(b'{"a": 1}')
    await kafka.send(b'{"a": 2}', ce_id=b"2")
    async with broker:
        await broker.start()
        await kafka.commits(2)

    assert attempts == [{"a": 1}] * 8 + [{"a": 2}]
    assert await kafka.read("-dlq") == []


async def test_a_leaked_cancellation_does_not_end_the_consumer(kafka: Kafka) -> None:
    handled: list[dict[str, int]] = []
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic)
    async def handle(body: dict[str, int]) -> None:
        if body["a"] == 1:
            raise asyncio.CancelledError
        handled.append(body)

    await kafka.send(b'{"a": 1}')
    await kafka.send(b'{"a": 2}', ce_id=b"2")
    async with broker:
        await broker.start()
        await kafka.commits(2)

    assert handled == [{"a": 2}]
    assert [r.value for r in await kafka.read("-dlq")] == [b'{"a": 1}']


async def start(kafka: Kafka, database: Path, fault: str) -> Process:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "GYRE_HEALTH_PORT": str(port),
        "GYRE_LATE_LOOP_S": "1",
        "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[2])]),
        "FAULT": fault,
        "GYRE_SERVICE": kafka.topic,
        "GYRE_KAFKA_SERVERS": kafka.settings.kafka_servers,
        "GYRE_DATABASE_URL": f"sqlite+aiosqlite:///{database}",
        "GYRE_MAX_PARKED_IN_A_ROW": "2",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.delivery.victim", env=os.environ | environment
    )


async def end(process: Process, timeout_s: float = 40) -> int:
    async with asyncio.timeout(timeout_s):
        return await process.wait()


async def handle_until(kafka: Kafka, database: Path, offset: int) -> None:
    """Let the counting service handle what is before `offset`; then end it."""
    process = await start(kafka, database, "none")
    await kafka.commits(offset)
    process.terminate()
    await end(process)


def words_of(database: Path) -> list[int]:
    """Return what the counting service has counted, of each author."""
    with Session(create_engine(f"sqlite:///{database}")) as session:
        return list(session.exec(select(Words.words)).all())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "words.db"


@pytest.mark.parametrize(("fault", "published"), [("after_commit", 2), ("after_publish", 3)])
async def test_a_consumer_killed_before_its_offset_commit_has_one_effect(
    kafka: Kafka, database: Path, fault: str, published: int
) -> None:
    event = Noted(author="ada", words=3)
    for _ in range(2):  # the second one is a republication: same id, next offset
        await kafka.send(event.model_dump_json().encode())

    assert await end(await start(kafka, database, fault)) == -signal.SIGKILL
    assert await kafka.committed() == 0
    await handle_until(kafka, database, 2)

    assert words_of(database) == [3]
    scores = await kafka.read("-scored")
    assert len(scores) == published
    assert len({(r.key, r.value, dict(r.headers)["ce_id"]) for r in scores}) == 1


async def test_a_service_that_parks_everything_stops(kafka: Kafka, database: Path) -> None:
    for _ in range(3):
        await kafka.send(b"{not json")

    await end(await start(kafka, database, "none"))

    assert len(await kafka.read("-dlq")) == 2
    assert await kafka.committed() == 2
