"""Under which policy a route is watched."""

from gyre_events import RolloutChanged
from gyre_service.kafka import Table

DEFAULT = "default"


def rollout_of(rollouts: Table[RolloutChanged], tenant: str, route: str) -> RolloutChanged | None:
    """Return a tenant's route; who has no route `default` is answered by that of `default`."""
    found = rollouts.get(tenant, route)
    return rollouts.get(DEFAULT, DEFAULT) if found is None and route == DEFAULT else found
