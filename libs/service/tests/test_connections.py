import asyncio
from contextlib import suppress

import pytest
import uvloop
from aiokafka import conn
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import BrokerMetadata

from gyre_service.kafka import Broker, connections
from gyre_service.settings import ServiceSettings

NO_VERSIONS = bytes(2) + bytes(4)  # no error, and an empty list


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a broker that knows how to be asked what it knows."""
    size = int.from_bytes(await reader.readexactly(4))
    request = await reader.readexactly(size)
    reply = request[4:8] + NO_VERSIONS
    writer.write(len(reply).to_bytes(4) + reply)


async def asked_after_the_end() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await conn.create_conn("127.0.0.1", port)
    connection._writer.transport.abort()
    await asyncio.sleep(0)  # it is closed, and its reader does not know yet
    try:
        await connection.send(ApiVersionRequest())
    finally:
        connection.close()
        server.close()


def test_a_connection_that_is_gone_is_an_error_of_kafka_under_uvloop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conn, "AIOKafkaConnection", conn.AIOKafkaConnection)
    Broker(ServiceSettings(service="noted"))

    with pytest.raises(KafkaConnectionError, match="is closed"):
        uvloop.run(asked_after_the_end())


async def test_an_error_of_its_own_stays_what_it_is() -> None:
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        connection = connections.Connection(*server.sockets[0].getsockname())
        await connection.connect()
        with pytest.raises(IncompatibleBrokerVersion):
            connection.send(MetadataRequest())
        connection.close()


async def test_who_asks_again_and_again_where_no_broker_is_does_so_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conn, "AIOKafkaConnection", connections.Connection)

    assert 0 < await asked_in_a_second() <= 1 / connections.BACKOFF_S


async def test_aiokafka_alone_asks_without_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, `Connection.connect` can go."""
    monkeypatch.setattr(conn, "AIOKafkaConnection", connections.Connection.__mro__[1])

    assert await asked_in_a_second() > 2 / connections.BACKOFF_S


async def asked_in_a_second() -> int:
    """Return how often a client can ask for metadata of a broker that is away."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    server.close()
    client = AIOKafkaClient()
    client.cluster._brokers = {1: BrokerMetadata(1, host, port, None)}  # as it was known before
    asking = asyncio.create_task(client._md_synchronizer())
    times = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while not await client.force_metadata_update():
                times += 1
    asking.cancel()
    return times


def test_aiokafka_alone_lets_uvloops_error_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, `connections.py` can go."""
    monkeypatch.setattr(conn, "AIOKafkaConnection", connections.Connection.__mro__[1])

    with pytest.raises(RuntimeError, match="the handler is closed") as told:
        uvloop.run(asked_after_the_end())
    assert type(told.value) is RuntimeError
