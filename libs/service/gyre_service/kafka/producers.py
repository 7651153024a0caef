"""When a producer of aiokafka can send nothing any more, and how it does not come to that."""

from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)

FATAL = (InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced)


def is_dead(error: BaseException) -> bool:
    """Return whether the producer that failed with `error` refuses everything from now on.

    Whatever else ends its sender reaches every later publish as the bare `KafkaError`.
    """
    return isinstance(error, FATAL) or type(error) is KafkaError


def keep_leaders(cluster: Any) -> None:
    """Let a producer go on with the leader it knew of a partition that has none now.

    A broker that ends in order says first that nobody leads its partitions. aiokafka (0.14) then
    asks for a leader again and again without a pause, thousands of times a second; and a batch
    that has waited longer than `request_timeout_ms` is given up after it was numbered, so that
    the next one is out of order and the producer dead, when the broker is back. A leader that
    does not answer, or leads no more, is tried again with pauses, and no batch is given up.

    Args:
        cluster: What aiokafka's client knows of brokers and partitions.
    """
    known: dict[TopicPartition, int] = {}
    ask = cluster.leader_for_partition

    def leader_for_partition(partition: TopicPartition) -> int | None:
        leader: int | None = ask(partition)
        if leader is not None and leader >= 0:
            known[partition] = leader
            return leader
        last = known.get(partition)
        return leader if last is None or cluster.broker_metadata(last) is None else last

    cluster.leader_for_partition = leader_for_partition
