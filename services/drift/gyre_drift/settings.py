from gyre_service.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the drift service needs to start. When drift is an alarm, a route's policy says."""

    service: str = "drift"
