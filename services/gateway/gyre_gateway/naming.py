"""`gyre/<route>`, `gyre/<route>@<alias>`: what a model is called outside."""

import re
from dataclasses import dataclass

from gyre_events import RolloutChanged
from gyre_gateway.errors import ModelNotFound
from gyre_gateway.gateway import Rollouts

PREFIX = "gyre/"
# The route of the tenant with this name, and who has none of that name uses its definition, on
# documents of their own (as inference does).
DEFAULT = "default"
NAME = re.compile(r"gyre/([a-z0-9][a-z0-9-]{0,62})(?:@([a-z0-9][a-z0-9-]{0,63}))?")


@dataclass(frozen=True)
class Model:
    """A route of a tenant as a model."""

    id: str
    rollout: RolloutChanged


@dataclass(frozen=True)
class Named:
    """What a request's `model` says: a route, and perhaps who of it has to answer.

    Attributes:
        route: Its name.
        alias: `base`, an arm's name, or the first digits of an adapter's digest; empty: as the
            route's arms say.
    """

    route: str
    alias: str


def named(model: str) -> Named:
    """Read a request's `model`.

    Raises:
        ModelNotFound: It is no name of ours.

    >>> named("gyre/default")
    Named(route='default', alias='')
    >>> named("gyre/hr@candidate")
    Named(route='hr', alias='candidate')
    """
    found = NAME.fullmatch(model)
    if found is None:
        raise ModelNotFound(
            f"the model {model[:80]!r} does not exist: it is gyre/<route>, or gyre/<route>@ and "
            "`base`, an arm or an adapter's digest; see GET /v1/models",
            param="model",
        )
    return Named(found[1], found[2] or "")


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
