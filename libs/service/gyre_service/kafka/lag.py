"""How far a consumer group is behind, asked from outside of it."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge

from gyre_service.settings import ServiceSettings

log = logging.getLogger(__name__)

REFRESH_S = 3.0
TIMEOUT_S = 5.0
RETRY_S = 0.2
# Every replica reports the whole group: over replicas take the maximum, never the sum.
LAG = Gauge(
    "gyre_kafka_lag",
    "Records between the committed offset and the end of the log",
    ["group", "topic", "partition"],
)
EXPIRED = Counter(
    "gyre_kafka_expired_records",
    "Records that left the log before the group had committed them",
    ["group", "topic", "partition"],
)


class Lag:
    """Looks at a group's offsets and at the log's ends, with connections of its own.

    Neither of its clients is a member of a group: what is wrong with a consumer, or with a
    rebalance, does not hide how far behind it is.
    """

    def __init__(self, settings: ServiceSettings, group: str = "") -> None:
        """Prepare to look.

        Args:
            settings: Of the service.
            group: Another one than its own.
        """
        self._service = settings.service
        self._group = group or settings.service
        self._behind = 0
        self._servers = settings.kafka_servers
        self._partitions: list[TopicPartition] = []
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._counted: dict[TopicPartition, int] = {}  # up to where records are known as expired
        self._ends: Mapping[TopicPartition, int] = {}
        self._asked_at = 0.0
        self._unknown = False

    async def start(self, topics: Iterable[str]) -> None:
        """Return when all is known about `topics`, and said of which records are lost.

        Call it before the consumers start: their first commit hides what they skipped.

        Raises:
            KafkaError: Kafka cannot be reached.
        """
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, client_id=self._group)
        await self._admin.start()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, client_id=self._group)
        await self._consumer.start()
        self._partitions = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await self._admin.describe_topics(sorted(set(topics)))
            for partition in topic["partitions"]
        ]
        # A broker that has just started knows no groups yet, and tells nobody when it does.
        while not await self._measured():  # noqa: ASYNC110
            await asyncio.sleep(RETRY_S)

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()

    async def follow(self) -> None:
        """Measure again and again, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            await self._measured()

    def ends(self) -> Mapping[TopicPartition, int]:
        """Return the log's end of every partition; nothing while Kafka does not answer."""
        fresh = time.monotonic() - self._asked_at < REFRESH_S + 2 * TIMEOUT_S
        return self._ends if fresh else {}

    def behind(self) -> int:
        """Return how many records wait for the group; 0 while Kafka does not answer."""
        return self._behind if self.ends() else 0

    async def _measured(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._measure()
        except (KafkaError, TimeoutError) as error:
            if not self._unknown:  # one line an outage, however long
                log.warning("the lag is not known: %r", error)
            self._unknown = True
            return False
        self._unknown = False
        return True

    async def _measure(self) -> None:
        assert self._admin is not None, "not started"
        assert self._consumer is not None, "not started"
        asked_at, partitions = time.monotonic(), self._partitions
        offsets = await self._admin.list_consumer_group_offsets(self._group, partitions=partitions)
        if len(offsets) < len(partitions):  # the client passes over the error that says why
            raise KafkaError("the group's coordinator has not loaded its offsets yet")
        starts = await self._consumer.beginning_offsets(partitions)
        self._ends = await self._consumer.end_offsets(partitions)
        self._asked_at = asked_at
        behind = 0
        for partition in partitions:
            committed = offsets[partition].offset
            if self._group == self._service:  # else the group's own process tells
                self._tell_expired(partition, committed, starts[partition])
            # A group that has committed nothing begins with the oldest record.
            at = committed if committed >= 0 else starts[partition]
            lag = max(0, self._ends[partition] - at)
            LAG.labels(self._group, *partition).set(lag)
            behind += lag
        self._behind = behind

    def _tell_expired(self, partition: TopicPartition, committed: int, start: int) -> None:
        begin = max(committed, self._counted.get(partition, 0))
        if committed < 0 or begin >= start:
            return
        self._counted[partition] = start
        EXPIRED.labels(self._group, *partition).inc(start - begin)
        log.error(
            "%s/%d: records %d to %d left the log before %s handled them: they are lost",
            *(partition.topic, partition.partition, begin, start - 1, self._group),
        )
