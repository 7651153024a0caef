"""Counts the commits that fail: FastStream logs the error and goes on."""

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka.message import ConsumerProtocol
from prometheus_client import Counter

FAILED = Counter(
    "gyre_kafka_commit_failures", "Offsets that Kafka did not take, by the error", ["error"]
)


class CountedCommits:
    """The consumer as a message knows it.

    A commit that fails loses nothing: the record is read again, and has no second effect.
    Many of them are a group that rebalances for ever, or a process that was asleep.
    """

    def __init__(self, consumer: ConsumerProtocol) -> None:
        self._consumer = consumer

    async def commit(self) -> None:
        try:
            await self._consumer.commit()
        except KafkaError as error:
            FAILED.labels(type(error).__name__).inc()
            raise

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._consumer.seek(partition=partition, offset=offset)
