"""`gyre/<route>`: what a model is called outside."""

import re
from dataclasses import dataclass

from gyre_events import RolloutChanged
from gyre_gateway.errors import ModelNotFound
from gyre_gateway.gateway import Rollouts

PREFIX = "gyre/"
# The route of the tenant with this name, and who has none of that name uses its definition, on
# documents of their own (as inference does).
DEFAULT = "default"
NAME = re.compile(r"gyre/([a-z0-9][a-z0-9-]{0,62})")


@dataclass(frozen=True)
class Model:
    """A route of a tenant as a model."""

    id: str
    rollout: RolloutChanged


def route_of(model: str) -> str:
    """Return the route that a request's `model` names.

    Raises:
        ModelNotFound: It is no name of ours.

    >>> route_of("gyre/default")
    'default'
    """
    found = NAME.fullmatch(model)
    if found is None:
        raise ModelNotFound(
            f"the model {model[:80]!r} does not exist: it is gyre/<route>, see GET /v1/models",
            param="model",
        )
    return found[1]


def models_of(rollouts: Rollouts, tenant: str) -> list[Model]:
    """Return what `tenant` may ask, `gyre/default` first."""
    rows = [row for owner, row in rollouts.rows() if owner == tenant]
    if DEFAULT not in {row.route for row in rows}:
        shared = rollouts.get(DEFAULT, DEFAULT)
        rows += [] if shared is None else [shared]
    rows.sort(key=lambda row: (row.route != DEFAULT, row.route))
    return [Model(PREFIX + row.route, row) for row in rows]


def model_of(rollouts: Rollouts, tenant: str, name: str) -> Model:
    """Return one of them.

    Raises:
        ModelNotFound: The tenant has no such route.
    """
    found = [model for model in models_of(rollouts, tenant) if model.id == name]
    if not found:
        raise ModelNotFound(f"the model {name!r} does not exist: see GET /v1/models", param="model")
    return found[0]
