from typing import Annotated

from pydantic import Field

from gyre_service.settings import Seconds, ServiceSettings


class Settings(ServiceSettings):
    """What the evaluation service needs to start."""

    service: str = "evaluation"
    embed_timeout_s: Seconds = 10
    item_timeout_s: Seconds = 100  # for one question: less than inference gives itself
    items_in_flight: Annotated[int, Field(ge=1, le=64)] = 4
    lease_s: Seconds = 15  # after so long without a sign a runner counts as dead
