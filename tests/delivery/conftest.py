"""A real broker, and what the tests need to look at it from outside."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from gyre_service.kafka.parser import Record
from gyre_service.settings import ServiceSettings

from ..conftest import Stack


class Kafka:
    """One service's own topics, of one partition each; its table is compacted and has three."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.topic = settings.service
        self.topics = [
            NewTopic(self.topic, 1, 1),
            NewTopic(f"{self.topic}-scored", 1, 1),
            NewTopic(f"{self.topic}-dlq", 1, 1),
            NewTopic(f"{self.topic}-table", 3, 1, topic_configs={"cleanup.policy": "compact"}),
        ]
        self.envelope: list[tuple[str, bytes | None]] = [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"1"),
            ("ce_source", b"/test"),
            ("ce_type", f"gyre.{self.topic}".encode()),
            ("content-type", b"application/json"),
        ]

    async def send(
        self, value: bytes | None, key: bytes = b"k", suffix: str = "", **changes: bytes | None
    ) -> tuple[bytes, bytes | None, list[tuple[str, bytes | None]]]:
        """Publish one raw record; `changes` replace or add headers. Return what was sent."""
        headers = list((dict(self.envelope) | changes).items())
        async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka_servers) as producer:
            await producer.send_and_wait(self.topic + suffix, value, key=key, headers=headers)
        return key, value, headers

    async def read(self, suffix: str) -> list[Record]:
        """Return everything that a topic holds now."""
        partition = TopicPartition(self.topic + suffix, 0)
        async with AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_servers, auto_offset_reset="earliest"
        ) as consumer:
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            return [await consumer.getone() for _ in range(end)]

    async def committed(self) -> int:
        """Return the offset the service will go on from; 0 if it has committed none."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_servers, group_id=self.topic
        ) as consumer:
            return await consumer.committed(TopicPartition(self.topic, 0)) or 0

    async def commits(self, offset: int, timeout_s: float = 40) -> None:
        """Wait until the service has committed `offset`."""
        async with asyncio.timeout(timeout_s):
            while await self.committed() < offset:  # noqa: ASYNC110 (Kafka tells nobody)
                await asyncio.sleep(0.2)


@pytest.fixture
async def kafka(stack: Stack) -> AsyncIterator[Kafka]:
    servers = stack.kafka
    kafka = Kafka(
        ServiceSettings(
            service=f"test-{uuid4().hex[:8]}", kafka_servers=servers, retry_pauses_s=(0.1, 0.2)
        )
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics(kafka.topics)
    yield kafka
    await admin.delete_topics([topic.name for topic in kafka.topics])
    await admin.close()
