from typing import Annotated

from pydantic import Field

from gyre_service.settings import Seconds, ServiceSettings

Count = Annotated[int, Field(ge=1)]


class Settings(ServiceSettings):
    """What the ingestion service needs to start."""

    service: str = "ingestion"
    max_document_bytes: Count = 200_000_000
    max_chunks: Count = 5000  # of one document
    max_chunk_words: Annotated[int, Field(ge=20, le=2000)] = 160
    parser_memory_bytes: Annotated[int, Field(ge=128 * 1024**2)] = 1024**3
    parser_cpu_s: Count = 20
    parser_wall_s: Seconds = 30
