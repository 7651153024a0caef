import asyncio

import pytest
import uvloop
from aiokafka import conn
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.metadata import MetadataRequest

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


def test_aiokafka_alone_lets_uvloops_error_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, `connections.py` can go."""
    monkeypatch.setattr(conn, "AIOKafkaConnection", connections.Connection.__mro__[1])

    with pytest.raises(RuntimeError, match="the handler is closed") as told:
        uvloop.run(asked_after_the_end())
    assert type(told.value) is RuntimeError
