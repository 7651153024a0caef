import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker

from gyre_events import ChunkEmbedded, DocumentIndexed, Event, RemedyRequested
from gyre_retrieval.handlers import router
from gyre_retrieval.opening import Opening
from gyre_retrieval.settings import Settings
from gyre_service.kafka import Broker

from .conftest import DIGEST, DIMENSION, Bench, caused, chunk, removal

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


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
        "index": bench.index,
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


def remedy(**changes: Any) -> RemedyRequested:
    fields: dict[str, Any] = {
        "remedy_id": uuid4(),
        "route": "default",
        "cause": "knowledge",
        "remedy": "re-index",
        "reason": "retrieval (found) has moved",
        "collection": "default",
        "since": WHEN,
        "decided_at": WHEN,
    }
    return RemedyRequested(**fields | changes)


async def test_what_the_index_has_lost_is_put_back_when_it_is_asked_for(
    broker: KafkaBroker, bench: Bench
) -> None:
    await bench.submit(count=70)
    await bench.submit(tenant="umbrella")
    await bench.index.drop(await bench.point_ids())
    for event in (
        remedy(state="held"),
        remedy(remedy="retrain"),
        remedy(collection="elsewhere"),
    ):
        await send(broker, event, id=str(event.remedy_id))
    assert await bench.points() == 0

    await send(broker, remedy(), id="r")

    assert await bench.points() == 70
    assert len(await bench.find("part3")) == 10
    assert await bench.find("part0", tenant="umbrella") == []


async def test_what_is_removed_while_it_is_put_back_stays_away(
    broker: KafkaBroker, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.submit()
    await bench.index.drop(await bench.point_ids())
    put = bench.index.put

    async def removed_first(*arguments: Any) -> None:
        monkeypatch.undo()
        await bench.indexing.remove(removal(), caused(minute=1))
        await put(*arguments)

    monkeypatch.setattr(bench.index, "put", removed_first)
    await send(broker, remedy(), id="r")

    assert await bench.points() == 0
