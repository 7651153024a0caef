from typing import Annotated

from pydantic import Field

from gyre_service.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the drift service needs to start. When drift is an alarm, a route's policy says."""

    service: str = "drift"
    # References kept in memory, of 0.8 MB each: as many as routes are asked at a time.
    references_at_hand: Annotated[int, Field(ge=1)] = 64
