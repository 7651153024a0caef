"""What a consumer does before its partitions go to another one."""

import logging
from collections.abc import MutableMapping
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from faststream.kafka.subscriber.usecase import DefaultSubscriber

from gyre_service.kafka.in_order import InOrder

log = logging.getLogger(__name__)

WAIT_S = 30.0  # a handler takes 20 at most; well below `rebalance_timeout_ms`


class FinishFirst(ConsumerRebalanceListener):  # type: ignore[misc]
    """Holds up a rebalance until the handler in flight has ended and committed its offset.

    Otherwise the next owner of the partition handles the record too, at the same time.
    """

    subscriber: DefaultSubscriber  # told by who makes both: it is born after its listener

    def __init__(self) -> None:
        self.read: MutableMapping[TopicPartition, int] = {}  # told by the broker: `CloudEvents`'

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if isinstance(self.subscriber.consumer, InOrder):
            self.subscriber.consumer.put_back()
        in_flight: Any = self.subscriber.lock
        await in_flight.wait_release(WAIT_S)
        if not in_flight.empty:
            log.warning("a handler of %s still runs: another may run beside it", sorted(revoked))
        if isinstance(self.subscriber.consumer, InOrder):
            self.subscriber.consumer.let_go()
        for partition in revoked:  # how far it is read is another's to say
            self.read.pop(partition, None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Nothing is to be done."""
