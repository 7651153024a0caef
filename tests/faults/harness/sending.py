"""Events on a stack's Kafka, as other services append them."""

import asyncio
import time
from collections.abc import Iterable
from math import inf

from aiokafka import AIOKafkaProducer

from gyre_events import Event
from tests.conftest import Stack
from tests.faults.fake_log.streams import record


async def send(stack: Stack, events: Iterable[Event], seed: int, rate: float = inf) -> int:
    """Publish events, at most so many a second; return how many there were."""
    number = 0
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka, acks="all") as producer:
        began = time.monotonic()
        for number, event in enumerate(events):
            topic, key, value, headers = record(event, number, seed)
            await producer.send_and_wait(topic, value, key=key, headers=headers)
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
    return number + 1
