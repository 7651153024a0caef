"""A producer that Kafka refuses for good, on a real broker."""

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from gyre_service.kafka.producers import is_dead

from .conftest import Kafka


@pytest.mark.parametrize("how", ["a sequence with a gap", "a bug in the sender"])
async def test_a_dead_producer_is_known_by_the_error_of_every_publish(
    kafka: Kafka, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.settings.kafka_servers, enable_idempotence=True
    )
    await producer.start()
    await producer.send_and_wait(kafka.topic, b"1", partition=0)
    if how == "a sequence with a gap":
        producer._txn_manager.increment_sequence_number(TopicPartition(kafka.topic, 0), 7)
    else:
        monkeypatch.setattr(producer._sender, "_send_produce_req", None)

    for _ in range(2):
        with pytest.raises(KafkaError) as failed:
            await producer.send_and_wait(kafka.topic, b"2", partition=0)
        assert is_dead(failed.value), repr(failed.value)
    await producer.stop()
