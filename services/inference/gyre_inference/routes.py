"""What a question is asked of: its route, and the arm of it that a conversation is given."""

import hashlib
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from gyre_events import Arm, RolloutChanged
from gyre_events.policy import WHOLE
from gyre_inference.generation import Adapter
from gyre_service.errors import NotFound, Unavailable

DEFAULT_ROUTE = "default"
DEFAULT_TENANT = "default"
BASE = "base"
SHORTEST = 8  # digits of a digest


class Rollouts(Protocol):
    def get(self, tenant: str, key: str) -> RolloutChanged | None: ...
    def rows(self) -> list[tuple[str, RolloutChanged]]: ...


class Adapters(Protocol):
    """Which adapters can answer here, by digest; None is the base, which always can."""

    def has(self, digest: str | None) -> bool: ...
    def refuses(self, digest: str | None) -> bool: ...
    def local(self, adapter: Adapter) -> Adapter:
        """Return an adapter that is loaded, with the folder that it was loaded from."""
        ...

    def hold(self, adapter: Adapter | None) -> AbstractContextManager[None]:
        """Keep an adapter loaded inside the block, whatever the routes want by then."""
        ...


def find_route(rollouts: Rollouts, tenant: str, name: str) -> RolloutChanged:
    """Return a tenant's route.

    A tenant without a route `default` of its own uses the definition that the tenant `default`
    has, on its own documents, with the whole share for production: a canary is judged by its own
    tenant's answers, and nobody would count the bad ones of others.

    Args:
        rollouts: The desired state of every route.
        tenant: Who asks.
        name: Of the route; empty: `default`.

    Raises:
        NotFound: There is no such route.
    """
    name = name or DEFAULT_ROUTE
    found = rollouts.get(tenant, name)
    if found is None and name == DEFAULT_ROUTE:
        shared = rollouts.get(DEFAULT_TENANT, DEFAULT_ROUTE)
        found = shared and _without_canary(shared)
    if found is not None:
        return found
    names = {row.route for owner, row in rollouts.rows() if owner == tenant}
    if rollouts.get(DEFAULT_TENANT, DEFAULT_ROUTE):
        names.add(DEFAULT_ROUTE)
    there = f"there are {', '.join(sorted(names))}" if names else "there are none yet"
    raise NotFound(f"no route {name!r}: {there}", param="route")


def _without_canary(rollout: RolloutChanged) -> RolloutChanged:
    shares = (WHOLE, *(0 for _ in rollout.arms[1:]))
    arms = zip(rollout.arms, shares, strict=True)
    served = tuple(arm.model_copy(update={"share": share}) for arm, share in arms)
    return rollout.model_copy(update={"arms": served})


def check_base(rollout: RolloutChanged, model: str, digest: str) -> None:
    """Let a route pass whose base is the model served here.

    Raises:
        Unavailable: It wants another one.
    """
    if rollout.base.digest != digest:
        raise Unavailable(
            f"route {rollout.route} wants the model {rollout.base.name} "
            f"({rollout.base.digest[:8]}), served here is {model} ({digest[:8]})"
        )


def pick_arm(rollout: RolloutChanged, conversation: UUID) -> Arm:
    """Return the arm of a conversation: the same one as long as the rollout lasts.

    Conversations are spread over 10,000 places. The last arm has those below its share, those
    before it the next ones, and the first what is left; so who is among 1 % is also among 10 %.
    """
    place = hashlib.sha256(f"{rollout.rollout_id}/{conversation}".encode()).digest()
    number = int.from_bytes(place) % WHOLE
    end = 0
    for arm in reversed(rollout.arms):
        end += arm.share
        if number < end:
            return arm
    return rollout.arms[0]


def pinned_arm(rollout: RolloutChanged, adapter: str) -> Arm:
    """Return the arm that somebody chose.

    Args:
        rollout: The route.
        adapter: An arm's name, its adapter's digest or 8 or more of its first digits, or `base`.

    Raises:
        NotFound: This route has no such arm.
    """
    if adapter == BASE:
        return base_arm(rollout)
    for arm in rollout.arms:
        if adapter == arm.name:
            return arm
        if len(adapter) >= SHORTEST and str(arm.adapter_digest or "").startswith(adapter):
            return arm
    there = [arm.name for arm in rollout.arms]
    raise NotFound(
        f"route {rollout.route} has no arm {adapter!r}: there are {', '.join([*there, BASE])}, "
        "or the first digits of their adapters",
        param="adapter",
    )


def base_arm(rollout: RolloutChanged) -> Arm:
    """Return the base alone, with the prompt of production. It has no share of its own."""
    return Arm(name=BASE, share=0, prompt=rollout.arms[0].prompt)


def served_arm(rollout: RolloutChanged, arm: Arm, adapters: Adapters) -> Arm:
    """Return the arm that answers.

    The production arm stands in where the adapter of `arm` is not loaded, and the base where that
    of production is refused: it will never be loaded, and this replica is ready without it.

    Raises:
        Unavailable: That of production is not loaded yet.
    """
    production = rollout.arms[0]
    for one in (arm, production):
        if adapters.has(one.adapter_digest):
            return one
    if adapters.refuses(production.adapter_digest):
        return base_arm(rollout)
    raise Unavailable(
        f"route {rollout.route}: adapter {str(production.adapter_digest)[:12]} is not loaded"
    )


def adapter_of(rollout: RolloutChanged, arm: Arm) -> Adapter | None:
    """Return the adapter of an arm under the engine's name for it, or None for the base alone.

    Its path is the registry's: a folder, or any location that `gyre_service.adapters` fetches.
    """
    if arm.adapter_digest is None or arm.adapter_uri is None:
        return None
    # Whole: an endpoint's adapters are all tenants', and a route's name is not one tenant's.
    name = f"{rollout.route}--{arm.adapter_digest}"
    return Adapter(name, arm.adapter_digest, arm.adapter_uri.removeprefix("file://"))
