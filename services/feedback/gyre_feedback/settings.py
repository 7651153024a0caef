from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from gyre_service.settings import ServiceSettings

Tenant = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]  # ends the name of a topic


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


class Settings(ServiceSettings):
    """What the feedback service needs to start."""

    service: str = "feedback"
    # Names with commas between; each one's producers write to `feedback-given.<tenant>`.
    ingress_tenants: Annotated[tuple[Tenant, ...], NoDecode, BeforeValidator(_split)] = ()
    answer_retention_days: Annotated[int, Field(ge=1)] = 30  # how long feedback finds an answer
    # How much feedback of one person, of one day, has a say in datasets.
    curated_per_person_per_day: Annotated[int, Field(ge=0)] = 200
    # The reservoir of good answers, and how much of it a training replays.
    replay_per_document: Annotated[int, Field(ge=1)] = 50
    replay_examples: Annotated[int, Field(ge=1)] = 5_000
