"""The one Kafka configuration of every service."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaRouter
from faststream.kafka.broker.registrator import KafkaRegistrator
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from faststream.kafka.publisher.producer import AioKafkaFastProducerImpl
from faststream.kafka.subscriber.usecase import DefaultSubscriber
from prometheus_client import REGISTRY, CollectorRegistry

from gyre_service.kafka import batches, connections
from gyre_service.kafka.cloudevents import CloudEvents
from gyre_service.kafka.dead_letters import DeadLetterQueue
from gyre_service.kafka.failures import PARKED, Failures
from gyre_service.kafka.in_order import OPTIONS, TOGETHER, InOrder
from gyre_service.kafka.lag import Lag
from gyre_service.kafka.parser import safe_parser
from gyre_service.kafka.producers import keep_leaders
from gyre_service.kafka.publishing import PublishTimeout
from gyre_service.kafka.rebalance import FinishFirst
from gyre_service.kafka.spans import Spans, telemetry
from gyre_service.kafka.watchdog import Watchdog
from gyre_service.settings import ServiceSettings
from gyre_service.stopping import stop_process

# FastStream's defaults forget a message whose handler fails, and skip what was
# published before a group first came. A router's subscribers do not even inherit
# the policy of the broker that includes them, so each one is told.
NOTHING_LOST: dict[str, Any] = {
    "ack_policy": AckPolicy.NACK_ON_ERROR,
    "auto_offset_reset": "earliest",
    # What a handler returns would go to whatever topic the record's header `reply_to` names, too:
    # with our rights, or, if there is no such topic, never, and the partition would wait.
    "no_reply": True,
    "partition_assignment_strategy": (StickyPartitionAssignor,),
    "rebalance_timeout_ms": 60_000,  # the default is the session's; a handler may take 20 s
    # The partitions of a process that was killed wait for its session, by default 10 s.
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 2_000,
}


class Registrar(KafkaRegistrator):
    """Whatever handlers are added to: gives each one what a service must not forget."""

    group: str
    listeners: list[FinishFirst]  # of its consumers

    def subscriber(  # type: ignore[override]
        self, *topics: str, in_order: bool = False, **options: Any
    ) -> DefaultSubscriber:
        """Add a handler, which is called with one record at a time.

        Args:
            topics: That it reads.
            in_order: Of several topics what was appended first, as `InOrder` does.
            options: Of FastStream.

        Raises:
            NotImplementedError: It wants batches. One unreadable record would lose or block
                all of them: neither `safe_parser` nor `Failures` splits a batch yet. Or it wants
                workers: scale by processes, which a rebalance and the watchdog know.
        """
        if options.get("batch") or options.get("max_workers", 1) > 1:
            raise NotImplementedError("the kit has no batches yet, and one worker a consumer")
        listener = FinishFirst()
        ours = NOTHING_LOST | (OPTIONS if in_order else {})
        options = ours | {"group_id": self.group, "listener": listener} | options
        subscriber: DefaultSubscriber = super().subscriber(*topics, **options)
        listener.subscriber = subscriber
        self.listeners.append(listener)
        return subscriber


class Router(Registrar, KafkaRouter):
    """The handlers of one service, whose name is their consumer group."""

    def __init__(self, service: str) -> None:
        self.group, self.listeners = service, []
        super().__init__()


class Broker(Registrar, KafkaBroker):
    """Loses nothing, is blocked by no single message, and never waits for ever.

    `NACK_ON_ERROR` alone reads a failed message again at once, for ever.
    `Failures` adds the two things in between: a pause, and a way out.
    """

    def __init__(self, settings: ServiceSettings, registry: CollectorRegistry = REGISTRY) -> None:
        connections.install()  # before tables and lags connect, which do so first
        batches.install()
        self.group, self.listeners = settings.service, []
        self._read: dict[TopicPartition, int] = {}  # how far, in all our partitions
        self.dead_letters = DeadLetterQueue(settings)
        self._lag = Lag(settings)
        self._watchdog = Watchdog(settings, self._lag)
        self._watching: list[asyncio.Task[None]] = []
        super().__init__(
            settings.kafka_servers,
            client_id=settings.service,
            parser=safe_parser,
            enable_idempotence=True,
            acks="all",
            allow_auto_create_topics=False,  # they come from contracts/topics
            graceful_timeout=30,
            logger=logging.getLogger("faststream"),  # its own writes coloured text
            log_level=logging.DEBUG,  # two lines a record
            middlewares=[  # the first is outermost: it sees every failure of the others
                partial(Failures, queue=self.dead_letters, streaks=Counter()),
                telemetry(settings.service),
                KafkaPrometheusMiddleware(
                    registry=registry, app_name=settings.service, metrics_prefix="gyre_kafka"
                ),
                partial(CloudEvents, settings=settings, read=self._read),
                Spans,
                partial(PublishTimeout, seconds=settings.publish_timeout_s),
            ],
        )

    def include_router(self, router: Any, **options: Any) -> None:
        """Add handlers.

        Raises:
            TypeError: `router` is FastStream's own, which may lose messages.
        """
        if not isinstance(router, Router):
            raise TypeError(f"expected gyre_service.kafka.Router, got {type(router)}")
        super().include_router(router, **options)
        self.listeners += router.listeners

    async def _connect(self) -> Callable[..., AIOKafkaConsumer]:
        await super()._connect()
        config = self.config.broker_config
        if isinstance(config.builder, partial):  # no test's
            config.builder = partial(_consumer, **config.builder.keywords)
        return config.builder

    async def start(self) -> None:
        """Connect, and begin to consume.

        FastStream calls this when the server has already said that all is up: after a failure
        nobody else would end the process, which would do nothing for ever.
        """
        try:
            await self._start()
        except Exception as error:
            stop_process(f"it does not start: {error!r}")
            raise

    async def _start(self) -> None:
        await self.dead_letters.start()
        for listener in self.listeners:
            listener.read = self._read
        # Of a `Registrar`, so of no other type. Inference and the runners have none.
        consumers = cast("list[DefaultSubscriber]", self.subscribers)
        topics = {topic for each in consumers for topic in each.topic_names}
        for topic in topics:
            PARKED.labels(topic)  # 0 from the start: of what begins with 1 no increase is seen
        if consumers:
            await self._lag.start(topics)
        await super().start()
        producer = self.config.broker_config.producer
        if isinstance(producer, AioKafkaFastProducerImpl):  # no test's
            keep_leaders(producer._producer.producer.client.cluster)
        if consumers:
            watching = (self._lag.follow(), self._watchdog.watch(consumers))
            self._watching = [asyncio.create_task(each) for each in watching]
            for task in self._watching:
                task.add_done_callback(_unwatched)

    async def stop(self, *error: Any) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await super().stop(*error)
        await self._lag.stop()
        await self.dead_letters.stop()


def _consumer(**options: Any) -> AIOKafkaConsumer:
    """Return the consumer of a subscriber: its options are all that FastStream passes on."""
    in_order = options["partition_assignment_strategy"] is TOGETHER
    return (InOrder if in_order else AIOKafkaConsumer)(**options)


def _unwatched(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        stop_process(f"nobody watches the consumers any more: {error!r}")
