"""The life of one document: submitted, cut into chunks, searchable, removed."""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Base64Bytes, Field, model_validator

from gyre_events.base import Digest, Encoder, Event, Text

Version = Annotated[int, Field(ge=1, description="of the document, counted by ingestion")]


class _OfDocument(Event):
    key_field: ClassVar[str] = "document_id"

    document_id: UUID
    collection: Text = "default"
    name: Text


class DocumentSubmitted(_OfDocument):
    """Somebody wants a document to be searchable.

    Bytes over 512 KiB lie in the blob folder and `dataref` names them; others are `content`.
    """

    topic: ClassVar[str] = "document-submitted"

    media_type: Text
    sha256: Digest
    size_bytes: Annotated[int, Field(ge=0)]
    content: Base64Bytes | None = None
    dataref: str | None = None

    @model_validator(mode="after")
    def _has_bytes(self) -> Self:
        if (self.content is None) == (self.dataref is None):
            raise ValueError("exactly one of content and dataref must be given")
        return self


class DocumentRemoved(_OfDocument):
    """Somebody wants a document to be gone."""

    topic: ClassVar[str] = "document-removed"


class DocumentRejected(_OfDocument):
    """A submitted document cannot be read; the version before it stays searchable."""

    topic: ClassVar[str] = "document-rejected"

    sha256: Digest
    reason: Text


class ChunkPrepared(_OfDocument):
    """One of the `count` chunks of a document's version.

    A version is searchable when its chunks 0..count-1 are all there.
    """

    topic: ClassVar[str] = "chunk-prepared"

    version: Version
    sha256: Digest
    chunk_id: UUID
    ordinal: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=1)]
    text: Text
    heading: str = ""
    page: Annotated[int, Field(ge=1)] | None = None


class DocumentIndexed(_OfDocument):
    """A version of a document is what search finds now; the one before it is gone."""

    topic: ClassVar[str] = "document-indexed"

    version: Version
    sha256: Digest
    chunks: Annotated[int, Field(ge=1)]
    encoder: Encoder


class ChunkEmbedded(_OfDocument):
    """Vectors of up to 64 chunks of one document's version."""

    topic: ClassVar[str] = "chunk-embedded"

    version: Version
    encoder: Encoder
    chunk_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=64)]
    vectors: Annotated[
        str, Field(description="base64 of little-endian float32, one row of `dimension` a chunk")
    ]
