"""How much of the log a stack has not handled, seen from outside of its groups."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from tests.conftest import Stack
from tests.faults.harness.trying import until


def lag(stack: Stack, only: str = "") -> int:
    """Return how many records all consumer groups together have before them, or one of them."""
    return asyncio.run(_lag(stack, only))


async def _lag(stack: Stack, only: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        committed: dict[tuple[str, object], int] = {}
        groups = [only] if only else [name for name, _ in await admin.list_consumer_groups()]
        for group in groups:
            for at, found in (await admin.list_consumer_group_offsets(group)).items():
                committed[group, at] = found.offset
    finally:
        await admin.close()
    async with AIOKafkaConsumer(bootstrap_servers=stack.kafka) as consumer:
        ends = await consumer.end_offsets({at for _, at in committed})
    return sum(ends[at] - offset for (_, at), offset in committed.items())


def come_to_rest(stack: Stack) -> None:
    """Wait until nothing waits in Kafka, twice: what was handled may have published."""
    for _ in range(2):
        until(lambda: lag(stack) == 0, 600)
        time.sleep(2)  # an outbox is looked at every second; nobody tells that it is empty
