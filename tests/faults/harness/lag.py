"""How much of the log a stack has not handled, seen from outside of its groups."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.conftest import Stack
from tests.faults.harness.trying import until

FEW = 20  # records that wait, of a service that keeps up while clients send


def lag(stack: Stack, only: str = "") -> int:
    """Return how many records all consumer groups together have before them, or one of them."""
    return asyncio.run(_lag(stack, only))


def handled(stack: Stack, service: str) -> int:
    """Return how many records a service has committed, of all its partitions."""
    return sum(asyncio.run(_committed(stack, service)).values())


async def _lag(stack: Stack, only: str) -> int:
    committed = await _committed(stack, only)
    async with AIOKafkaConsumer(bootstrap_servers=stack.kafka) as consumer:
        ends = await consumer.end_offsets({at for _, at in committed})
    return sum(ends[at] - offset for (_, at), offset in committed.items())


async def _committed(stack: Stack, only: str) -> dict[tuple[str, TopicPartition], int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        groups = [only] if only else [name for name, _ in await admin.list_consumer_groups()]
        return {
            (group, at): found.offset
            for group in groups
            for at, found in (await admin.list_consumer_group_offsets(group)).items()
        }
    finally:
        await admin.close()


def come_to_rest(stack: Stack) -> None:
    """Wait until nothing waits in Kafka, twice: what was handled may have published."""
    for _ in range(2):
        until(lambda: lag(stack) == 0, 600)
        time.sleep(2)  # an outbox is looked at every second; nobody tells that it is empty
