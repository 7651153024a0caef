import hashlib
from typing import Any

import pytest

from gyre_events import Arm, Policy, RolloutChanged
from gyre_registry.desired import DEFAULT_PROMPT, Decision, Wish, merged, put, rebased
from gyre_service.errors import Rejected
from gyre_service.ids import new_id, now

from .conftest import BASE, OTHER


def decision() -> Decision:
    return Decision(rollout_id=new_id(), decided_at=now())


def route(**wish: str) -> RolloutChanged:
    return put(None, Wish("support", **wish), BASE, decision())


def test_a_new_route_has_the_defaults() -> None:
    first = route()

    assert (first.revision, first.collection, first.base) == (1, "default", BASE)
    assert first.policy == Policy()
    [arm] = first.arms
    assert (arm.name, arm.share, arm.adapter_digest) == ("production", 10_000, None)
    assert arm.prompt.text == DEFAULT_PROMPT
    assert arm.prompt.digest == hashlib.sha256(DEFAULT_PROMPT.encode()).hexdigest()
    assert "I don't know." in DEFAULT_PROMPT


def test_what_is_left_empty_stays() -> None:
    first = route(collection="manuals", prompt="Be kind.", policy_json='{"passages": 2}')

    second = put(first, Wish("support", policy_json='{"max_tokens": 64}'), OTHER, decision())

    assert second.revision == 2
    assert second.rollout_id != first.rollout_id
    assert (second.collection, second.base) == ("manuals", BASE)
    assert second.arms == first.arms
    assert (second.policy.passages, second.policy.max_tokens) == (2, 64)


def test_the_same_content_is_the_same_revision() -> None:
    wish = Wish("support", "manuals", "Be kind.", '{"passages": 2}')
    first = put(None, wish, BASE, decision())

    assert put(first, wish, BASE, decision()) is first
    assert put(first, Wish("support"), BASE, decision()) is first


def test_a_prompt_changes_in_every_arm() -> None:
    first = route()
    [arm] = first.arms
    arms = (
        arm.model_copy(update={"name": "canary", "share": 100}),
        arm.model_copy(update={"share": 9_900}),
    )
    split = first.model_copy(update={"arms": arms})

    second = put(split, Wish("support", prompt="Be kind."), BASE, decision())

    assert [a.prompt.text for a in second.arms] == ["Be kind.", "Be kind."]


def test_another_base_leaves_adapters_behind_and_keeps_the_prompt() -> None:
    first = route(prompt="Be kind.", collection="manuals")
    adapted = first.model_copy(
        update={"arms": (first.arms[0].model_copy(update={"adapter_digest": "c" * 64}),)}
    )

    second = rebased(adapted, OTHER, decision())

    assert (second.revision, second.base, second.collection) == (2, OTHER, "manuals")
    assert second.rollout_id != first.rollout_id
    assert second.arms == (Arm(name="production", share=10_000, prompt=first.arms[0].prompt),)
    assert rebased(second, OTHER, decision()) is second


@pytest.mark.parametrize("name", ["", "-a", "Support", "a/b", "a b", "a" * 64, "a\n"])
def test_a_name_that_no_route_can_have_is_refused(name: str) -> None:
    with pytest.raises(Rejected, match="the name of a route") as caught:
        put(None, Wish(name), BASE, decision())
    assert caught.value.param == "name"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"collection": "a/b"}, "collection is 'a/b'"),
        ({"prompt": "  \n"}, "prompt is blank"),
        ({"prompt": "x" * 20_001}, "20001 characters, at most 20000"),
        ({"policy_json": "{"}, "not JSON"),
        ({"policy_json": "[" * 100_000}, "not JSON"),
        ({"policy_json": "[]"}, "must be a JSON object"),
        ({"policy_json": '{"passage": 1}'}, "unknown member 'passage'; there are passages, min"),
        ({"policy_json": '{"passages": 21}'}, "passages is 21: .*less than or equal to 20"),
        ({"policy_json": '{"passages": "4"}'}, "passages is '4': .*valid integer"),
        ({"policy_json": '{"passages": null}'}, "passages is None"),
        ({"policy_json": '{"sample": -1, "max_tokens": 0}'}, "max_tokens is 0.*sample is -1"),
        ({"policy_json": '{"temperature": NaN}'}, "NaN is no JSON value"),
        ({"policy_json": '{"cost_usd_per_1k_tokens": 1e999}'}, "no JSON value|must be finite"),
    ],
)
def test_a_wrong_wish_is_refused_with_what_is_wrong(wish: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejected, match=message):
        route(**wish)


def test_an_integer_may_stand_for_a_float() -> None:
    assert route(policy_json='{"temperature": 1}').policy.temperature == 1


def test_members_of_the_policy_are_replaced_however_deep() -> None:
    changed = merged(Policy(), '{"release": {"steps": [500], "shadow": 1}}')

    assert changed.release.steps == (500,)
    assert changed.release.step_evidence == Policy().release.step_evidence
    assert changed.drift == Policy().drift


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ('{"release": {"stepz": [1]}}', "policy_json.release has the unknown member 'stepz'"),
        ('{"release": {"steps": [500, 100]}}', "must grow"),
        ('{"training": {"learning_rate": 1e999}}', "learning_rate"),
        ('{"release": 3}', "release"),
    ],
)
def test_a_wrong_member_is_named_however_deep(changes: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        merged(Policy(), changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ('{"training": {"rank": 32}}', "training.rank is 32, expected at most 16"),
        ('{"training": {"alpha": 1000001}}', "training.alpha is 1000001, expected at most 1000000"),
        ('{"training": {"seed": 18446744073709551616}}', "training.seed is 18446744073709551616"),
        ('{"training": {"seed": -9223372036854775809}}', "training.seed is -9223372036854775809"),
        ('{"training": {"max_seconds": 1e12}}', "max_seconds is .*expected at most 315360000"),
        ('{"drift": {"cooldown_s": 1e12}}', "drift.cooldown_s is"),
        ('{"release": {"steps": [100, 10000]}}', "release.steps has 10000, expected less"),
    ],
)
def test_what_can_only_fail_after_the_work_is_refused(changes: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        merged(Policy(), changes)


def test_what_was_set_before_refuses_no_other_change() -> None:
    release = Policy().release.model_copy(update={"steps": (100, 10_000)})
    training = Policy().training.model_copy(update={"rank": 32})
    before = Policy().model_copy(update={"release": release, "training": training})

    paused = merged(before, '{"drift": {"paused": true}, "training": {"rank": 32}}')

    assert (paused.drift.paused, paused.training.rank) == (True, 32)
    assert paused.release.steps == (100, 10_000)
    with pytest.raises(Rejected) as caught:
        merged(before, '{"drift": {"paused": true}, "training": {"rank": 64}}')
    assert str(caught.value) == "policy_json: training.rank is 64, expected at most 16"


def test_the_largest_rank_is_the_engines() -> None:
    assert merged(Policy(), '{"training": {"rank": 32}}', max_rank=32).training.rank == 32


def test_a_rollout_under_way_keeps_its_conversations_when_the_route_changes() -> None:
    under_way = route().model_copy(update={"stage": "canary"})

    changed = put(under_way, Wish("support", policy_json='{"passages": 2}'), BASE, decision())

    assert changed.rollout_id == under_way.rollout_id
    assert changed.stage == "canary"
