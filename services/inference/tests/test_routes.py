import hashlib
from collections import Counter
from uuid import uuid4

import pytest

from gyre_events import Arm, Base
from gyre_inference.routes import (
    adapter_of,
    check_base,
    find_route,
    pick_arm,
    pinned_arm,
    served_arm,
)
from gyre_service.errors import NotFound, Unavailable

from .conftest import REFUSED, UNLOADED, FakeAdapters, FakeTable, prompt, rollout


def test_an_unknown_route_names_those_that_exist(rollouts: FakeTable) -> None:
    rollouts.put("acme", rollout(route="support"))
    rollouts.put("umbrella", rollout(route="secret"))

    with pytest.raises(NotFound, match=r"no route 'sales': there are default, support$"):
        find_route(rollouts, "acme", "sales")


def test_a_tenant_without_a_default_route_uses_the_stacks(rollouts: FakeTable) -> None:
    assert find_route(rollouts, "acme", "") == rollouts.get("default", "default")


def test_the_canary_of_the_stacks_route_is_not_shown_to_other_tenants(rollouts: FakeTable) -> None:
    rollouts.put("default", rollout(arms=arms(5_000, 5_000)))

    def shown(tenant: str) -> set[str]:
        served = find_route(rollouts, tenant, "")
        return {pick_arm(served, uuid4()).name for _ in range(50)}

    assert shown("default") == {"arm0", "arm1"}
    assert shown("acme") == {"arm0"}
    assert pinned_arm(find_route(rollouts, "acme", ""), "arm1").name == "arm1"


def test_a_tenants_own_default_route_comes_first(rollouts: FakeTable) -> None:
    rollouts.put("acme", rollout(collection="manuals"))

    assert find_route(rollouts, "acme", "default").collection == "manuals"
    assert find_route(rollouts, "umbrella", "default").collection == "default"


def test_other_routes_belong_to_their_tenant(rollouts: FakeTable) -> None:
    rollouts.put("default", rollout(route="support"))

    with pytest.raises(NotFound):
        find_route(rollouts, "acme", "support")


def test_nothing_is_served_before_the_registry_has_spoken() -> None:
    with pytest.raises(NotFound, match="there are none yet"):
        find_route(FakeTable(), "acme", "")


def test_a_route_of_another_base_is_not_answered() -> None:
    other = rollout(base=Base(name="big", digest="b" * 64))

    with pytest.raises(Unavailable, match=r"wants the model big \(bbbbbbbb\), served here is tiny"):
        check_base(other, "tiny", "a" * 64)


def arms(*shares: int) -> tuple[Arm, ...]:
    digests = [None, *("bcdef"[n] * 64 for n in range(len(shares) - 1))]
    return tuple(
        Arm(
            name=f"arm{n}",
            share=share,
            prompt=prompt(),
            adapter_digest=digest,
            adapter_uri=digest and f"file:///adapters/{digest}",
        )
        for n, (share, digest) in enumerate(zip(shares, digests, strict=True))
    )


def test_arms_get_their_share_and_a_conversation_keeps_its_arm() -> None:
    served = rollout(arms=arms(9_000, 1_000))
    conversations = [uuid4() for _ in range(5_000)]

    picked = [pick_arm(served, conversation).name for conversation in conversations]

    assert Counter(picked)["arm1"] == pytest.approx(500, abs=120)
    assert picked == [pick_arm(served, conversation).name for conversation in conversations]


def test_who_is_among_one_percent_is_also_among_ten() -> None:
    conversations = [uuid4() for _ in range(5_000)]

    def canaries(share: int) -> set[object]:
        served = rollout(arms=arms(10_000 - share, share))
        return {c for c in conversations if pick_arm(served, c).name == "arm1"}

    assert canaries(0) == set() < canaries(100) < canaries(1_000) < canaries(5_000)


def test_a_canary_has_the_places_below_its_share() -> None:
    served = rollout(arms=arms(9_000, 1_000))
    for conversation in (uuid4() for _ in range(500)):
        text = f"{served.rollout_id}/{conversation}"
        below = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10_000 < 1_000
        assert (pick_arm(served, conversation).name == "arm1") == below


def test_an_arm_without_a_share_is_reached_by_its_digest_only() -> None:
    served = rollout(arms=arms(10_000, 0))

    assert pinned_arm(served, "b" * 64).name == "arm1"
    assert pinned_arm(served, "bbbbbbbb").name == "arm1"
    assert pinned_arm(served, "arm0").name == "arm0"
    assert pinned_arm(served, "base").adapter_digest is None
    for unknown in ("c" * 64, "bbbbbbb", "nobody"):
        with pytest.raises(NotFound, match="there are arm0"):
            pinned_arm(served, unknown)


def test_the_engines_name_of_an_adapter_has_all_of_its_digest() -> None:
    served = rollout(arms=arms(5_000, 5_000))

    found = adapter_of(served, served.arms[1])

    assert found is not None
    assert (found.name, found.path) == ("default--" + "b" * 64, "/adapters/" + "b" * 64)
    assert adapter_of(served, served.arms[0]) is None


def test_an_arm_that_cannot_answer_is_stood_in_for() -> None:
    def served(*digests: str | None) -> str:
        names = ("production", "candidate")
        made = tuple(
            Arm(name=name, share=5_000, prompt=prompt(), adapter_digest=digest)
            for name, digest in zip(names, digests, strict=True)
        )
        return served_arm(rollout(arms=made), made[1], FakeAdapters()).name

    assert served("b" * 64, "d" * 64) == "candidate"
    assert served("b" * 64, UNLOADED) == served(None, REFUSED) == "production"
    assert served(REFUSED, UNLOADED) == served(REFUSED, REFUSED) == "base"
    with pytest.raises(Unavailable, match="adapter cccccccccccc is not loaded"):
        served(UNLOADED, REFUSED)
