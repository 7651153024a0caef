"""What a route should be: how a request, or another base model, changes it. No I/O."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from typing import Any, NoReturn
from uuid import UUID

from pydantic import ValidationError

from gyre_events import Arm, Base, Policy, Prompt, RolloutChanged
from gyre_events.policy import WHOLE
from gyre_registry.limits import MAX_RANK, beyond
from gyre_service.errors import Rejected

DEFAULT = "default"  # the tenant, the route and the collection that are there from the start
PRODUCTION = "production"
PREVIOUS = "previous"  # keeps the adapter before production's loaded
DEFAULT_PROMPT = files("gyre_registry").joinpath("prompt.txt").read_text("utf-8").strip()
MAX_PROMPT_CHARS = 20_000
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Wish:
    """What somebody wants of a route; what is empty stays as it is."""

    name: str
    collection: str = ""
    prompt: str = ""
    policy_json: str = ""


@dataclass(frozen=True)
class Decision:
    """Under which id, and when, a new revision begins."""

    rollout_id: UUID
    decided_at: datetime


def prompt_of(text: str) -> Prompt:
    """Return a prompt under the SHA-256 of its text."""
    return Prompt(digest=hashlib.sha256(text.encode()).hexdigest(), text=text)


def production(rollout: RolloutChanged) -> Arm:
    """Return the arm that answers who is in no experiment: the first, where none has the name."""
    return next((arm for arm in rollout.arms if arm.name == PRODUCTION), rollout.arms[0])


def put(
    before: RolloutChanged | None,
    wish: Wish,
    base: Base,
    decision: Decision,
    max_rank: int = MAX_RANK,
) -> RolloutChanged:
    """Return the route after `wish`: `before` itself where nothing changes, else its successor.

    Args:
        before: The route as it is, or None if it is new.
        wish: What to change.
        base: What a new route is served by; one that is there keeps its own.
        decision: Of the new revision, if there is one.
        max_rank: Of an adapter that the engine takes.

    Raises:
        Rejected: The wish names something that no route can have.
    """
    _check(wish)
    if before is None:
        return RolloutChanged(
            route=wish.name,
            revision=1,
            rollout_id=decision.rollout_id,
            collection=wish.collection or DEFAULT,
            base=base,
            policy=merged(Policy(), wish.policy_json, max_rank),
            arms=(
                Arm(name=PRODUCTION, share=WHOLE, prompt=prompt_of(wish.prompt or DEFAULT_PROMPT)),
            ),
            decided_at=decision.decided_at,
        )
    arms = before.arms
    if wish.prompt:
        prompt = prompt_of(wish.prompt)
        # Every arm: what is compared in a rollout is adapters, not prompts.
        arms = tuple(arm.model_copy(update={"prompt": prompt}) for arm in arms)
    wanted = before.model_copy(
        update={
            "collection": wish.collection or before.collection,
            "policy": merged(before.policy, wish.policy_json, max_rank),
            "arms": arms,
        }
    )
    if wanted == before:
        return before
    # A rollout under way goes on: its conversations keep their arms.
    kept = before.stage != "steady"
    rollout_id = before.rollout_id if kept else decision.rollout_id
    reason = "changed by PutRoute"
    return successor(
        wanted.model_copy(update={"reason": reason}), replace(decision, rollout_id=rollout_id)
    )


def rebased(before: RolloutChanged, base: Base, decision: Decision) -> RolloutChanged:
    """Return the route on `base`: `before` itself if it is there already.

    Adapters stay behind: one that was trained on another base would be refused, or wrong.
    """
    if before.base == base:
        return before
    arm = Arm(name=PRODUCTION, share=WHOLE, prompt=production(before).prompt)
    moved = before.model_copy(update={"base": base})
    return settled(moved, (arm,), "another base is served", decision)


def settled(
    before: RolloutChanged, arms: tuple[Arm, ...], reason: str, decision: Decision
) -> RolloutChanged:
    """Return the route with `arms`, and without a rollout under way."""
    changes = {"arms": arms, "stage": "steady", "reason": reason}
    return successor(before.model_copy(update=changes), decision)


def abandoned(before: RolloutChanged, decision: Decision) -> RolloutChanged:
    """Return the route without the rollout that nobody knows: production has its share again."""
    arm = production(before).model_copy(update={"name": PRODUCTION, "share": WHOLE})
    kept = tuple(arm for arm in before.arms if arm.name == PREVIOUS)
    reason = "its rollout is not known to this registry"
    return settled(before, (arm, *kept), reason, decision)


def merged(policy: Policy, changes_json: str, max_rank: int = MAX_RANK) -> Policy:
    """Return `policy` with some members replaced.

    Args:
        policy: As it is.
        changes_json: A JSON object; empty text changes nothing.
        max_rank: Of an adapter that the engine takes.

    Raises:
        Rejected: It is no JSON object, or a member is unknown or out of its range, or is set to
            what can only fail after the work.

    >>> merged(Policy(), '{"passages": 2}').passages
    2
    """
    if not changes_json.strip():
        return policy
    try:
        changes = json.loads(changes_json, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"policy_json is not JSON: {error}", param="policy_json") from error
    if not isinstance(changes, dict):
        raise Rejected('policy_json must be a JSON object, as {"passages": 4}', param="policy_json")
    before = policy.model_dump(mode="json")
    whole = _deep(before, changes, "policy_json")
    try:
        # JSON, because only there an integer may stand for a float in strict mode.
        wanted = Policy.model_validate_json(json.dumps(whole), strict=True)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))} is {one['input']!r}: {one['msg']}"
            for one in error.errors()
        )
        raise Rejected(f"policy_json: {wrong}", param="policy_json") from error
    _check_finite(wanted.model_dump(mode="json"), "policy_json")
    # What an earlier release took is no reason to refuse anything else, as a pause.
    known = beyond(before, max_rank)
    if late := [each for each in beyond(whole, max_rank) if each not in known]:
        raise Rejected(f"policy_json: {'; '.join(late)}", param="policy_json")
    return wanted


def _deep(before: dict[str, Any], changes: dict[str, Any], where: str) -> dict[str, Any]:
    """Return `before` with members replaced, however deep; every one must be there already."""
    merged = dict(before)
    for name, value in changes.items():
        if name not in before:
            raise Rejected(
                f"{where} has the unknown member {name!r}; there are {', '.join(before)}",
                param="policy_json",
            )
        old = before[name]
        nested = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _deep(old, value, f"{where}.{name}") if nested else value
    return merged


def _check_finite(value: object, where: str) -> None:
    """Refuse 1e999: it is JSON, but no number we could publish."""
    if isinstance(value, dict):
        for name, member in value.items():
            _check_finite(member, f"{where}.{name}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise Rejected(f"{where} must be finite", param="policy_json")


def _check(wish: Wish) -> None:
    if not NAME.fullmatch(wish.name):
        raise Rejected(
            f"the name of a route is {wish.name!r}, expected 1 to 63 of a-z, 0-9 and -, "
            "not beginning with -",
            param="name",
        )
    if wish.collection and not COLLECTION.fullmatch(wish.collection):
        raise Rejected(
            f"collection is {wish.collection!r}, expected 1 to 100 of letters, digits, "
            ". _ and -, beginning with a letter or digit",
            param="collection",
        )
    if wish.prompt and not wish.prompt.strip():
        raise Rejected("prompt is blank: leave it empty to keep the one there is", param="prompt")
    if len(wish.prompt) > MAX_PROMPT_CHARS:
        raise Rejected(
            f"prompt has {len(wish.prompt)} characters, at most {MAX_PROMPT_CHARS}", param="prompt"
        )


def successor(wanted: RolloutChanged, decision: Decision) -> RolloutChanged:
    """Return `wanted` as the next revision."""
    return wanted.model_copy(
        update={
            "revision": wanted.revision + 1,
            "rollout_id": decision.rollout_id,
            "decided_at": decision.decided_at,
        }
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
