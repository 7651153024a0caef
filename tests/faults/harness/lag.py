"""How much of the log a stack has not handled, seen from outside of its groups."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError

from gyre_local.stack import SERVICES
from tests.conftest import Stack
from tests.faults.harness.waiting import until

Ends: TypeAlias = dict[tuple[str, TopicPartition], int]  # by group and partition
LOADING_S = 60.0
FEW = 20  # records that wait, of a service that keeps up while clients send


@dataclass(frozen=True)
class Look:
    """What a service had committed, of all its partitions, and where they ended just after."""

    committed: int
    ends: int


def look(stack: Stack, service: str) -> Look:
    """Look from outside at what a service has handled and at what it is to handle."""
    committed = asyncio.run(_committed(stack, service))
    return Look(sum(committed.values()), sum(asyncio.run(_ends_of(stack, committed)).values()))


def bounds(looks: Sequence[Look]) -> tuple[int, int]:
    """Return the least and the most that can have waited at any moment between these looks.

    What is committed and where the log ends only grow. So whatever comes and goes from one look to
    the next is within these bounds, which the lags at the looks themselves are not.
    """
    return (
        max(0, min(before.ends - after.committed for before, after in pairwise(looks))),
        max(after.ends - before.committed for before, after in pairwise(looks)),
    )


def lag(stack: Stack, only: str = "") -> int:
    """Return how many records all consumer groups together have before them, or one of them."""
    return sum(asyncio.run(_behind(stack, only)).values())


def handled(stack: Stack, service: str) -> int:
    """Return how many records a service has committed, of all its partitions."""
    return sum(asyncio.run(_committed(stack, service)).values())


def ends(stack: Stack, service: str) -> Ends:
    """Return where the log ends now, of each topic of which a service has committed anything."""
    return asyncio.run(_ends(stack, service))


def is_worked_off(stack: Stack, service: str, until_here: Ends) -> bool:
    """Tell whether a service has committed all that was there at an earlier moment."""
    committed = asyncio.run(_committed(stack, service))
    return all(committed.get(at, 0) >= end for at, end in until_here.items())


def behind(stack: Stack) -> dict[str, int]:
    """Return how many records each consumer group has before it; those without any are left out."""
    found = asyncio.run(_behind(stack, ""))
    return {group: count for group, count in found.items() if count}


def parked(stack: Stack) -> Counter[str]:
    """Return how many records each service has ever parked, by the ends of its dead letters."""
    return asyncio.run(_parked(stack))


async def _parked(stack: Stack) -> Counter[str]:
    topics = {f"{service}-dlq": service for service in SERVICES}
    # Without a group every partition is assigned when it has started.
    async with AIOKafkaConsumer(*topics, bootstrap_servers=stack.kafka) as consumer:
        found = Counter[str]()
        for at, end in (await consumer.end_offsets(consumer.assignment())).items():
            found[topics[at.topic]] += end
    return found


async def _ends(stack: Stack, only: str) -> Ends:
    return await _ends_of(stack, await _committed(stack, only))


async def _ends_of(stack: Stack, places: Iterable[tuple[str, TopicPartition]]) -> Ends:
    async with AIOKafkaConsumer(bootstrap_servers=stack.kafka) as consumer:
        found = await consumer.end_offsets({at for _, at in places})
    return {(group, at): found[at] for group, at in places}


async def _behind(stack: Stack, only: str) -> dict[str, int]:
    committed = await _committed(stack, only)
    found = Counter[str]()
    for (group, at), end in (await _ends_of(stack, committed)).items():
        found[group] += max(0, end - committed[group, at])
    return found


async def _committed(stack: Stack, only: str) -> Ends:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        groups = {only} if only else {name for name, _ in await _groups(admin)}
        found = {
            (group, at): offset.offset
            for group in groups & {*SERVICES}  # tests have groups, too
            for at, offset in (await admin.list_consumer_group_offsets(group)).items()
        }
        topics = await admin.describe_topics(sorted({at.topic for _, at in found}))
        partitions = {each["topic"]: len(each["partitions"]) for each in topics}
        # What waits where nothing has been committed yet waits, too.
        return {
            (group, TopicPartition(topic, number)): 0
            for group, topic in {(group, at.topic) for group, at in found}
            for number in range(partitions[topic])
        } | found
    finally:
        await admin.close()


async def _groups(admin: AIOKafkaAdminClient) -> Iterable[tuple[str, str]]:
    end = time.monotonic() + LOADING_S
    while True:
        try:
            found: Iterable[tuple[str, str]] = await admin.list_consumer_groups()
        except GroupLoadInProgressError:  # a broker has just started
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.2)
        else:
            return found


def come_to_rest(stack: Stack) -> None:
    """Wait until nothing waits in Kafka, twice: what was handled may have published."""
    for _ in range(2):
        until(lambda: lag(stack) == 0, 600)
        time.sleep(2)  # an outbox is looked at every second; nobody tells that it is empty
