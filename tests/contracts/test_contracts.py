"""The contracts folder and the event classes must tell the same story."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from gyre_events import TOPICS
from gyre_service.seen import KEPT

from .generate import documents, schema_of
from .topics import CONTRACTS, topics

CASES = sorted((CONTRACTS / "examples").glob("*/*.json"))


def test_every_event_has_a_topic_file_and_every_file_an_event() -> None:
    assert set(topics()) == set(TOPICS)


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_a_topic_file_names_its_class_and_its_key(name: str) -> None:
    topic = topics()[name]

    assert topic.event == TOPICS[name].__name__
    assert topic.key == TOPICS[name].key_field
    assert topic.key in TOPICS[name].model_fields
    if topic.cleanup == "compact":
        assert "revision" in TOPICS[name].model_fields, "a late duplicate must not win"
    else:
        assert topic.retention_hours is not None
        assert timedelta(hours=topic.retention_hours, days=7) <= KEPT, "or it counts twice"


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_what_is_committed_is_what_is_generated(path: Path) -> None:
    assert path.read_text() == documents()[path], "run `make contracts`"


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_every_topic_has_an_example(name: str) -> None:
    assert [case for case in CASES if case.parent.name == name]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_is_valid_under_the_class_and_both_dialects(path: Path) -> None:
    name = path.parent.name
    value = json.loads(path.read_text())

    TOPICS[name].model_validate_json(path.read_bytes())
    for dialect in (Draft7Validator, Draft202012Validator):
        schema = schema_of(name)
        dialect.check_schema(schema)
        assert [error.message for error in dialect(schema).iter_errors(value)] == []


def test_the_asyncapi_document_resolves() -> None:
    document = yaml.safe_load((CONTRACTS / "asyncapi.yaml").read_text())

    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]
    for name, message in document["components"]["messages"].items():
        assert (CONTRACTS / message["payload"]["$ref"]).is_file(), name


def test_a_new_field_is_ignored_by_a_consumer_of_today() -> None:
    for path in CASES:
        value = json.loads(path.read_text()) | {"a_field_of_tomorrow": 1}
        TOPICS[path.parent.name].model_validate(value)
