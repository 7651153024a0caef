"""A real database and a real local Qdrant; an encoder that counts words instead of thinking."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from pydantic import SecretStr

from gyre_events import ChunkPrepared, DocumentRemoved
from gyre_events import Encoder as Identity
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.index import Index
from gyre_retrieval.indexing import Indexing
from gyre_retrieval.searching import Passage, Searcher
from gyre_retrieval.settings import Settings
from gyre_retrieval.vectors import Vectors
from gyre_service.database import Sessions, open_database
from gyre_service.ids import derived_id
from gyre_service.kafka import Received

DOCUMENT = UUID("01890000-0000-7000-8000-000000000001")
DIGEST = "d" * 64
DIMENSION = 64


class CountingEncoder(Encoder):
    """Texts with the same words have the same vector."""

    def __init__(self) -> None:
        super().__init__("", 1)
        self.batches: list[int] = []
        self.urgent: list[Sequence[str]] = []  # what went before documents

    async def load(self) -> Identity:
        self.identity = Identity(name="counting", digest=DIGEST, dimension=DIMENSION)
        return self.identity

    async def encode(
        self, texts: Sequence[str], tenant: str | None = None, *, urgent: bool = False
    ) -> Vectors:
        self._check_loaded()
        if urgent:
            self.urgent.append(texts)
        else:
            self.batches.append(len(texts))
        rows = np.full((len(texts), DIMENSION), 0.01, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[hashlib.sha256(word.encode()).digest()[0] % DIMENSION] += 1
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    async def count_tokens(self, texts: Sequence[str], urgent: bool = False) -> list[int]:
        if urgent:
            self.urgent.append(texts)
        return [len(text.split()) + 2 for text in texts]


def chunk(ordinal: int = 0, count: int = 1, version: int = 1, **changes: Any) -> ChunkPrepared:
    """Return a chunk as ingestion makes it for the tenant `acme`."""
    document = changes.get("document_id", DOCUMENT)
    fields: dict[str, Any] = {
        "document_id": document,
        "name": "keys.md",
        "version": version,
        "sha256": "a" * 64,
        "chunk_id": derived_id("acme", document, version, ordinal),
        "ordinal": ordinal,
        "count": count,
        "text": f"part{ordinal} of v{version}",
    }
    return ChunkPrepared(**fields | changes)


def removal(**changes: Any) -> DocumentRemoved:
    return DocumentRemoved(**{"document_id": DOCUMENT, "name": "keys.md"} | changes)


def caused(id: str = "1", tenant: str = "acme", minute: int = 0) -> Received:
    return Received(
        source="/gyre/ingestion",
        id=id,
        time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute),
        appended=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute),
        correlation_id=id,
        tenant=tenant,
        topic="chunk-prepared",
        partition=0,
        offset=0,
    )


class Bench:
    """The service without its edges."""

    def __init__(self, sessions: Sessions, index: Index, encoder: CountingEncoder) -> None:
        self.sessions = sessions
        self.index = index
        self.encoder = encoder
        self.indexing = Indexing(sessions, index, encoder, batch=4)
        self.searcher = Searcher(sessions, index)

    async def take(self, event: ChunkPrepared, **about: Any) -> bool:
        """Return whether `event` made its version whole."""
        about.setdefault("id", str(event.chunk_id))
        return await self.indexing.take(event, caused(**about)) is not None

    async def submit(self, version: int = 1, count: int = 2, **about: Any) -> None:
        for ordinal in range(count):
            await self.take(chunk(ordinal, count, version), **about)

    async def find(
        self, text: str, tenant: str = "acme", collection: str = "default", limit: int = 10
    ) -> list[Passage]:
        vector = (await self.encoder.encode([text], urgent=True))[0]
        return await self.searcher.search(tenant, collection, vector, limit)

    async def versions(self, tenant: str = "acme") -> list[int]:
        return sorted(passage.version for passage in await self.find("part0", tenant))

    async def point_ids(self) -> list[str]:
        points, _ = await self.index.page()
        return sorted(points)

    async def points(self) -> int:
        return len(await self.point_ids())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        database_url=SecretStr(f"sqlite+aiosqlite:///{tmp_path}/r.db"),
        retry_pauses_s=(0,),
    )


@pytest.fixture
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    encoder = CountingEncoder()
    await encoder.load()
    index = Index(settings.home / "qdrant")
    await index.open(DIGEST, DIMENSION)
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield Bench(sessions, index, encoder)
    await index.close()
    encoder.close()
