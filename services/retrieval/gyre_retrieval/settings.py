from typing import Annotated

from pydantic import Field, SecretStr

from gyre_service.settings import Seconds, ServiceSettings


class Settings(ServiceSettings):
    """What the retrieval service needs to start."""

    service: str = "retrieval"
    encoder: str = ""  # a sentence-transformers folder or name; empty: all-MiniLM-L6-v2, packaged
    encoder_threads: Annotated[int, Field(ge=1, le=64)] = 2  # of torch, for each of two workers
    embed_batch: Annotated[int, Field(ge=1, le=64)] = 16  # chunks; a handler embeds about one
    qdrant_url: str = ""  # http://host:6333; empty: local mode, under `home`
    qdrant_api_key: SecretStr = SecretStr("")
    qdrant_timeout_s: Seconds = 10
    # Events that wait for Kafka, of about 4 KiB; then questions are refused.
    max_spooled: Annotated[int, Field(ge=1)] = 100_000
    default_limit: Annotated[int, Field(ge=1, le=100)] = 4
