import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker

from gyre_events import ChunkEmbedded, DocumentIndexed, Event
from gyre_retrieval.handlers import router
from gyre_retrieval.opening import Opening
from gyre_retrieval.settings import Settings
from gyre_service.kafka import Broker

from .conftest import DIGEST, DIMENSION, Bench, chunk, removal


class Published(list[tuple[str, dict[str, Any]]]):
    """Id and data of each event that came out."""

    def of(self, event: type[Event]) -> list[dict[str, Any]]:
        field = "chunks" if event is DocumentIndexed else "vectors"
        return [data for _, data in self if field in data]


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
async def broker(
    bench: Bench, settings: Settings, published: Published
) -> AsyncIterator[KafkaBroker]:
    opening = Opening(bench.sessions, bench.index, bench.encoder, bench.indexing)
    opening.start()
    broker = Broker(settings)
    broker.include_router(router)
    parts: dict[str, Any] = {
        "settings": settings,
        "sessions": bench.sessions,
        "encoder": bench.encoder,
        "indexing": bench.indexing,
        "opening": opening,
    }
    for name, part in parts.items():
        broker.context.set_global(name, part)
    watcher = KafkaBroker()

    @watcher.subscriber(DocumentIndexed.topic, ChunkEmbedded.topic)
    async def watch(body: dict[str, Any], message: KafkaMessage) -> None:
        published.append((message.headers["ce_id"], body))

    async with TestKafkaBroker(broker, watcher) as brokers:
        yield brokers[0]
    await opening.stop()


async def send(broker: KafkaBroker, event: Event, id: str, minute: int = 0) -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": "/gyre/ingestion",
        "ce_type": f"gyre.{event.topic}",
        "ce_time": f"2026-01-01T00:{minute:02}:00Z",
        "ce_tenant": "acme",
    }
    await broker.publish(event.model_dump_json().encode(), topic=event.topic, headers=headers)


async def test_a_whole_version_is_announced_with_its_vectors_and_again_when_redelivered(
    broker: KafkaBroker, published: Published
) -> None:
    for ordinal in range(70):
        await send(broker, chunk(ordinal, 70), id=str(ordinal))

    [indexed] = published.of(DocumentIndexed)
    assert (indexed["version"], indexed["chunks"], indexed["encoder"]["digest"]) == (1, 70, DIGEST)
    batches = published.of(ChunkEmbedded)
    assert [len(batch["chunk_ids"]) for batch in batches] == [64, 6]
    rows = np.frombuffer(base64.b64decode(batches[1]["vectors"]), dtype="<f4")
    assert rows.shape == (6 * DIMENSION,)

    first = list(published)
    published.clear()
    await send(broker, chunk(69, 70), id="69")
    assert published == first


async def test_a_removed_document_is_gone(
    broker: KafkaBroker, bench: Bench, published: Published
) -> None:
    await send(broker, chunk(), id="1")
    await send(broker, removal(), id="2", minute=1)
    published.clear()

    await send(broker, chunk(), id="1")

    assert await bench.versions() == []
    assert published == []
