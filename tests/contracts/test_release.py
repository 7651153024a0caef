"""Whoever was built for the last release goes on working beside this one."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from jsonschema import Draft202012Validator

from gyre_events import TOPICS

from .generate import schema_of
from .release import breaks_of_schema, breaks_of_topic, released_files
from .topics import CONTRACTS, Topic, topics

Schema: TypeAlias = dict[str, Any]

SCHEMAS = released_files("schemas", "*.json")
EXAMPLES = released_files("examples", "*/*.json")


def names(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", released_files("topics", "*.yaml"), ids=names)
def test_a_released_topic_is_what_it_was(path: Path) -> None:
    released = Topic.model_validate(yaml.safe_load(path.read_text()))

    assert path.stem in topics(), "a topic that people read and write is never removed"
    assert breaks_of_topic(released, topics()[path.stem]) == []


@pytest.mark.parametrize("path", SCHEMAS, ids=names)
def test_a_released_event_got_nothing_but_fields_with_a_default(path: Path) -> None:
    assert breaks_of_schema(json.loads(path.read_text()), schema_of(path.stem)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=names)
def test_a_released_example_is_there_unchanged(path: Path) -> None:
    now = CONTRACTS / "examples" / path.parent.name / path.name

    assert now.read_bytes() == path.read_bytes(), "examples are added, never changed"


@pytest.mark.parametrize("path", SCHEMAS, ids=names)
def test_a_consumer_of_the_release_understands_what_is_written_now(path: Path) -> None:
    consumer = Draft202012Validator(json.loads(path.read_text()))

    for example in sorted((CONTRACTS / "examples" / path.stem).glob("*.json")):
        value = TOPICS[path.stem].model_validate_json(example.read_bytes())
        written = json.loads(value.model_dump_json())
        assert [error.message for error in consumer.iter_errors(written)] == [], example


RELEASED: Schema = {
    "$defs": {
        "Arm": {"properties": {"share": {"type": "integer", "maximum": 10}}, "required": ["share"]}
    },
    "properties": {
        "route": {"type": "string", "minLength": 1},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "purpose": {"enum": ["live", "suite"], "type": "string"},
        "arms": {"type": "array", "items": {"$ref": "#/$defs/Arm"}},
        "policy": {"type": "object", "default": {"sample": 1, "drift": {"auc": 0.6}}},
    },
    "required": ["route", "purpose"],
}


def changed(change: Callable[[Schema], object]) -> list[str]:
    current = deepcopy(RELEASED)
    change(current)
    return breaks_of_schema(RELEASED, current)


@pytest.mark.parametrize(
    "change",
    [
        lambda now: now["properties"].update(extra={"type": "string", "default": ""}),
        lambda now: now["properties"]["route"].update(title="R", description="whose it is"),
        lambda now: now["$defs"]["Arm"]["properties"].update(more={"type": "null"}),
        lambda now: now["properties"]["policy"]["default"].update(more=1),
        lambda now: now["properties"]["policy"]["default"]["drift"].update(more=1),
    ],
    ids=["a field with a default", "words", "a field of a part", "in a default", "deep in one"],
)
def test_what_adds_breaks_nobody(change: Callable[[Schema], object]) -> None:
    assert changed(change) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda now: now["properties"].pop("note"), "value.note is gone"),
        (lambda now: now["required"].append("note"), "value.note is required now"),
        (lambda now: now["required"].remove("route"), "value.route may be missing now"),
        (lambda now: now["properties"]["route"].update(type="integer"), "value.route: type was"),
        (lambda now: now["properties"]["route"].update(minLength=2), "minLength was 1, is 2"),
        (lambda now: now["properties"]["route"].pop("minLength"), "minLength was 1, is null"),
        (lambda now: now["properties"]["note"].update(default=""), "default was null"),
        (lambda now: now["properties"]["note"]["anyOf"].pop(), "value.note: anyOf was"),
        (
            lambda now: now["properties"]["policy"]["default"]["drift"].update(auc=0.7),
            "value.policy.default.drift: auc was 0.6, is 0.7",
        ),
        (
            lambda now: now["properties"]["policy"]["default"].pop("sample"),
            "value.policy.default: sample was 1, is null",
        ),
        (lambda now: now["properties"]["note"]["anyOf"][0].update(type="number"), "anyOf[0]"),
        (lambda now: now["properties"]["purpose"]["enum"].append("probe"), "enum was"),
        (lambda now: now["$defs"]["Arm"]["required"].clear(), "arms.items.share may be missing"),
        (
            lambda now: now["$defs"]["Arm"]["properties"]["share"].update(maximum=9),
            "value.arms.items.share: maximum was 10, is 9",
        ),
    ],
)
def test_what_breaks_somebody_is_named_with_its_place(
    change: Callable[[Schema], object], message: str
) -> None:
    (found,) = changed(change)
    assert message in found


def test_a_topic_never_gets_another_key_or_other_partitions() -> None:
    released = topics()["answer-generated"]
    current = released.model_copy(update={"key": "answer_id", "partitions": 6})

    assert breaks_of_topic(released, current) == [
        "key was 'conversation_id', is 'answer_id'",
        "partitions was 3, is 6",
    ]
