"""Small real files, and the handlers on an in-memory broker with a real database."""

import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker
from pydantic import SecretStr
from pypdf import PdfReader, PdfWriter

from gyre_events import ChunkPrepared, DocumentRejected, Event
from gyre_ingestion.blobs import Blobs
from gyre_ingestion.handlers import router
from gyre_ingestion.settings import Settings
from gyre_service.database import Sessions, open_database
from gyre_service.kafka import Broker

DOCUMENT = UUID("01890000-0000-7000-8000-000000000001")
Send: TypeAlias = Callable[..., Awaitable[None]]


def pdf(*pages: str, password: str = "") -> bytes:
    """Return a PDF with the lines of each text on a page of its own."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for page in pages:
        lines = [line.replace("(", r"\(").replace(")", r"\)") for line in page.split("\n")]
        drawn = " T* ".join(f"({line}) Tj" for line in lines)
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {drawn} ET".encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
    listed = " ".join(f"{kid} 0 R" for kid in kids).encode()
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    start = data.index(b"xref\n0 ")
    data += b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    data += b"startxref\n%d\n%%%%EOF\n" % start
    if not password:
        return data
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(password)
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


@dataclass
class Published:
    """What came out, in order, with the id and the key of each."""

    chunks: list[ChunkPrepared] = field(default_factory=list)
    refusals: list[DocumentRejected] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)

    def clear(self) -> None:
        for found in (self.chunks, self.refusals, self.ids, self.keys):
            found.clear()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        database_url=SecretStr(f"sqlite+aiosqlite:///{tmp_path}/i.db"),
        retry_pauses_s=(0,),
    )


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield sessions


@pytest.fixture
async def published() -> Published:
    return Published()


@pytest.fixture
async def broker(
    settings: Settings, sessions: Sessions, published: Published
) -> AsyncIterator[KafkaBroker]:
    broker = Broker(settings)
    broker.include_router(router)
    broker.context.set_global("settings", settings)
    broker.context.set_global("sessions", sessions)
    broker.context.set_global("blobs", Blobs(settings.blob_url, settings.max_document_bytes))
    watcher = KafkaBroker()

    @watcher.subscriber(ChunkPrepared.topic, DocumentRejected.topic)
    async def watch(body: dict[str, Any], message: KafkaMessage) -> None:
        raw: Any = message.raw_message
        published.ids.append(message.headers["ce_id"])
        published.keys.append(raw.key)
        if raw.topic == ChunkPrepared.topic:
            published.chunks.append(ChunkPrepared.model_validate(body))
        else:
            published.refusals.append(DocumentRejected.model_validate(body))

    async with TestKafkaBroker(broker, watcher) as brokers:
        yield brokers[0]


@pytest.fixture
def send(broker: KafkaBroker) -> Send:
    async def publish(event: Event, id: str = "", tenant: str = "acme", minute: int = 0) -> None:
        """Publish as the gateway does; `minute` is of its time."""
        headers = {
            "ce_specversion": "1.0",
            "ce_id": id or str(uuid4()),
            "ce_source": "/gyre/gateway",
            "ce_type": f"gyre.{event.topic}",
            "ce_time": f"2026-01-01T00:{minute:02}:00Z",
            "ce_tenant": tenant,
        }
        await broker.publish(event.model_dump_json().encode(), topic=event.topic, headers=headers)

    return publish


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
