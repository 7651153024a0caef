from typing import Annotated

from pydantic import Field

from gyre_registry.limits import MAX_RANK
from gyre_service.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the registry needs to start."""

    service: str = "registry"
    model_name: Annotated[str, Field(min_length=1)]  # of the base model every route is served by
    model_digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # SHA-256 of its folder
    max_lora_rank: Annotated[int, Field(ge=1)] = MAX_RANK  # that inference takes
    answer_retention_days: Annotated[int, Field(ge=1)] = 30  # how long lineage knows an answer
