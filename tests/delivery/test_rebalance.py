"""A second replica comes while the first one's handler runs, on a real broker."""

import asyncio

from gyre_service.kafka import Broker

from .conftest import Kafka

NOTICED_S = 6.0  # a member hears of a rebalance with its next heartbeat, every 3 s


async def test_a_rebalance_waits_for_the_handler_in_flight(kafka: Kafka) -> None:
    one, two = Broker(kafka.settings), Broker(kafka.settings)
    handled: list[int] = []
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def handle(body: dict[str, int]) -> None:
        handled.append(body["a"])
        begun.set()
        await goes_on.wait()

    for broker in (one, two):
        broker.subscriber(kafka.topic)(handle)
    await kafka.send(b'{"a": 1}')
    async with one, two:
        await one.start()
        await begun.wait()
        joining = asyncio.create_task(two.start())
        joined, _ = await asyncio.wait({joining}, timeout=NOTICED_S)
        assert not joined, "the partition was taken away from a handler that ran"
        goes_on.set()
        async with asyncio.timeout(30):
            await joining
        await kafka.send(b'{"a": 2}', ce_id=b"2")
        await kafka.commits(2)

    assert handled == [1, 2], "each record was handled once"
