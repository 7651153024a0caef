"""What the topics of the stack take, on a real broker."""

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError

from gyre_local.topics import EVERY, Topic, create

from .conftest import Kafka


async def test_a_record_counts_with_its_size_before_it_was_compressed(kafka: Kafka) -> None:
    # One that was there before topics had this, and one that is new.
    topics = [Topic(f"{kafka.topic}{suffix}", 1, EVERY) for suffix in ("", "-new")]
    kafka.topics.append(NewTopic(topics[1].name, 1, 1))  # deleted with the others
    servers = kafka.settings.kafka_servers
    assert await create(servers, topics) == [topics[1].name]
    assert await create(servers, topics) == []

    async with AIOKafkaProducer(
        bootstrap_servers=servers, compression_type="zstd", max_request_size=4 * 1024 * 1024
    ) as producer:
        for topic in topics:
            await producer.send_and_wait(topic.name, b"x" * 1_000_000)
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send_and_wait(topic.name, b"x" * 3_000_000)


async def test_a_topic_keeps_what_else_it_was_told(kafka: Kafka) -> None:
    servers, name = kafka.settings.kafka_servers, f"{kafka.topic}-table"
    await create(servers, [Topic(name, 3, EVERY)])

    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    await admin.close()
    [(*_, entries)] = answer.resources
    configs = {key: value for key, value, *_ in entries}
    assert configs["cleanup.policy"] == "compact"
    assert configs["compression.type"] == "uncompressed"
