"""Kafka's topics, as `contracts/topics` states them."""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeGuard

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, TopicAlreadyExistsError

from gyre_local.errors import StackError
from gyre_local.stack import REPO

CONTRACTS = REPO / "contracts" / "topics"
DLQ_SERVICES = (
    "gateway",
    "ingestion",
    "retrieval",
    "inference",
    "evaluation",
    "feedback",
    "drift",
    "finetune",
    "registry",
)
INGRESS = "feedback-given"
INGRESS_TENANTS = "GYRE_INGRESS_TENANTS"
DLQ_BYTES = 3 * 1024 * 1024  # a record of 1 MiB, its origin and room for a service's own limit
DLQ_HOURS = 14 * 24
DLQ_MARKS = "dlq-marks"  # what `gyre dlq` did with dead letters: the last mark of each stands
OF_TOPIC = 1  # Kafka's number for who has said how a topic is
CLEANUPS = ("delete", "compact")
COMPRESSION = "compression.type"
EVERY = {
    # One clock for all producers: cooldowns and what came later go by a record's time.
    "message.timestamp.type": "LogAppendTime",
    # Then `max.message.bytes` bounds what a consumer gets: of a record that came compressed to a
    # thousandth, a process would need all the memory, and could not park it.
    COMPRESSION: "uncompressed",
}


@dataclass(frozen=True)
class Topic:
    """What the broker has to know of one topic."""

    name: str
    partitions: int
    configs: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> Topic:
    """Read `<topic>.yaml`.

    Raises:
        StackError: A field is missing or is nothing Kafka could use.
    """
    try:
        stated = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise StackError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(stated, dict):
        raise StackError(f"{path}: expected a mapping of fields")
    partitions = stated.get("partitions")
    if not _counts(partitions):
        raise StackError(f"{path}: partitions is {partitions!r}: expected a number from 1")
    cleanup = stated.get("cleanup", "delete")
    if cleanup not in CLEANUPS:
        raise StackError(f"{path}: cleanup is {cleanup!r}: expected {' or '.join(CLEANUPS)}")
    configs = EVERY | {"cleanup.policy": str(cleanup)}
    for name, config, factor in (
        ("retention_hours", "retention.ms", 3_600_000),
        ("max_message_bytes", "max.message.bytes", 1),
    ):
        value = stated.get(name)
        if value is None:
            continue
        if not _counts(value):
            raise StackError(f"{path}: {name} is {value!r}: expected a number from 1")
        configs[config] = str(value * factor)
    return Topic(path.stem, partitions, configs)


def _counts(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def wanted(folder: Path = CONTRACTS, tenants: Iterable[str] = ()) -> list[Topic]:
    """Every topic of the contracts, each service's dead letters, the ingress of `tenants`.

    Raises:
        StackError: A file states nothing usable, or there is none.
    """
    topics = [read(path) for path in sorted(folder.glob("*.yaml"))]
    if not topics:
        raise StackError(f"{folder} states no topic")
    parked = EVERY | {
        "cleanup.policy": "delete",
        "retention.ms": str(DLQ_HOURS * 3_600_000),
        "max.message.bytes": str(DLQ_BYTES),
    }
    ingress = [
        replace(topic, name=f"{topic.name}.{tenant}")
        for topic in topics
        if topic.name == INGRESS
        for tenant in tenants
    ]
    dead_letters = [Topic(f"{service}-dlq", 1, parked) for service in DLQ_SERVICES]
    marks = Topic(DLQ_MARKS, 1, EVERY | {"cleanup.policy": "compact"})
    return [*topics, *ingress, *dead_letters, marks]


def ingress_tenants(shell: Mapping[str, str] = os.environ) -> list[str]:
    """The tenants whose own producers may write, as `feedback` is told."""
    return [name.strip() for name in shell.get(INGRESS_TENANTS, "").split(",") if name.strip()]


async def create(
    servers: str, topics: list[Topic], *, replicas: int = 1, patience_s: float = 60
) -> list[str]:
    """Create the topics that are missing and return their names.

    The others stay as they are, but that they keep nothing compressed from now on.

    Raises:
        StackError: No broker answers within `patience_s`, or it refuses a topic.
    """
    admin = await _connect(servers, time.monotonic() + patience_s)
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in there]
        await _keep_uncompressed(admin, [topic for topic in topics if topic.name in there])
        if not missing:
            return []
        answer = await admin.create_topics(
            [NewTopic(t.name, t.partitions, replicas, topic_configs=t.configs) for t in missing]
        )
        for name, code, *reason in answer.topic_errors:
            # Someone else creating it at this moment is as good.
            if code not in (0, TopicAlreadyExistsError.errno):
                raise StackError(f"Kafka refuses topic {name}: {' '.join(map(str, reason))}")
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _keep_uncompressed(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    """Have `topics`, which an earlier release may have made, keep nothing compressed.

    Raises:
        StackError: The broker does not say how a topic is, or does not alter it.
    """
    if not topics:
        return
    kinds = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    [described] = await admin.describe_configs(kinds)
    late = []
    for code, reason, _, name, entries in described.resources:
        if code:
            raise StackError(f"Kafka does not describe topic {name}: {reason}")
        # All that is the topic's own, or it would be reset.
        own = {key: value for key, value, _, source, *_ in entries if source == OF_TOPIC}
        if own.get(COMPRESSION) != EVERY[COMPRESSION]:
            own[COMPRESSION] = EVERY[COMPRESSION]
            late.append(ConfigResource(ConfigResourceType.TOPIC, name, own))
    if not late:
        return
    [altered] = await admin.alter_configs(late)
    for code, reason, _, name in altered.resources:
        if code:
            raise StackError(f"Kafka does not alter topic {name}: {reason}")


async def _connect(servers: str, deadline: float) -> AIOKafkaAdminClient:
    # It logs every attempt as an error; ours is the one line at the end.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=servers, client_id="topics")
        try:
            await admin.start()
        except (KafkaConnectionError, NodeNotReadyError) as error:
            await admin.close()
            if time.monotonic() > deadline:
                raise StackError(f"no Kafka answers at {servers}: {error}") from error
            await asyncio.sleep(0.3)
        else:
            return admin


def main() -> None:
    """`python -m gyre_local.topics --servers HOST:PORT`: for clusters that others start."""
    parser = argparse.ArgumentParser(description="Create the topics of contracts/topics.")
    parser.add_argument("--servers", required=True)
    parser.add_argument("--contracts", type=Path, default=CONTRACTS)
    parser.add_argument("--replicas", type=int, default=1)
    given = parser.parse_args()
    try:
        topics = wanted(given.contracts, ingress_tenants())
        made = asyncio.run(create(given.servers, topics, replicas=given.replicas))
    except StackError as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(f"{len(made)} topics created\n")


if __name__ == "__main__":
    main()
