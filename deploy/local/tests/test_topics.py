from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gyre_local import topics
from gyre_local.errors import StackError


def test_a_topic_is_what_its_file_states(tmp_path: Path) -> None:
    file = tmp_path / "chunk-prepared.yaml"
    file.write_text("partitions: 3\nretention_hours: 24\nmax_message_bytes: 2097152\n")

    assert topics.read(file) == topics.Topic(
        "chunk-prepared",
        3,
        {
            "message.timestamp.type": "LogAppendTime",
            "compression.type": "uncompressed",
            "cleanup.policy": "delete",
            "retention.ms": "86400000",
            "max.message.bytes": "2097152",
        },
    )


def test_a_compacted_topic_keeps_its_last_records_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "rollout-changed.yaml"
    file.write_text("partitions: 1\ncleanup: compact\n")

    assert topics.read(file).configs == {
        "message.timestamp.type": "LogAppendTime",
        "compression.type": "uncompressed",
        "cleanup.policy": "compact",
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("partitions: many", "partitions is 'many'"),
        ("retention_hours: 24", "partitions is None"),
        ("partitions: 0", "partitions is 0"),
        ("partitions: true", "partitions is True"),
        ("partitions: 3\ncleanup: both", "cleanup is 'both'"),
        ("partitions: 3\nretention_hours: -1", "retention_hours is -1"),
        ("partitions: 3\nmax_message_bytes: 1 MiB", "max_message_bytes is '1 MiB'"),
        ("- a list", "expected a mapping"),
        ("", "expected a mapping"),
        ("partitions: [", "no YAML"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)

    with pytest.raises(StackError) as raised:
        topics.read(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert named in str(raised.value)


def test_every_service_that_consumes_has_dead_letters_larger_than_a_record() -> None:
    wanted = {topic.name: topic for topic in topics.wanted()}

    assert {"answer-generated", "document-submitted", "inference-dlq"} <= wanted.keys()
    assert int(wanted["ingestion-dlq"].configs["max.message.bytes"]) == 3 * 1024 * 1024
    assert wanted["dlq-marks"].configs["cleanup.policy"] == "compact"  # they outlive it


def test_a_folder_without_contracts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="states no topic"):
        topics.wanted(tmp_path)


async def test_a_broker_that_does_not_answer_is_named() -> None:
    with pytest.raises(StackError, match=r"no Kafka answers at 127\.0\.0\.1:1:"):
        await topics.create("127.0.0.1:1", [topics.Topic("any", 1)], patience_s=0)


class Admin:
    """A broker with one topic, of an earlier release."""

    def __init__(self, *described: Any) -> None:
        self._described = described
        self.altered: list[Any] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def list_topics(self) -> list[str]:
        return ["old"]

    async def describe_configs(self, kinds: list[Any]) -> list[Any]:
        return [SimpleNamespace(resources=[self._described])]

    async def alter_configs(self, kinds: list[Any]) -> list[Any]:
        self.altered += [(kind.name, kind.configs) for kind in kinds]
        return [SimpleNamespace(resources=[(0, None, 2, kind.name) for kind in kinds])]


async def test_a_topic_of_an_earlier_release_keeps_its_own_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries: list[tuple[Any, ...]] = [
        ("cleanup.policy", "compact", False, 1, False, []),
        ("retention.ms", "1", False, 5, False, []),  # a default of Kafka
    ]
    admin = Admin(0, None, 2, "old", entries)
    monkeypatch.setattr(topics, "AIOKafkaAdminClient", lambda **_: admin)

    assert await topics.create("any:1", [topics.Topic("old", 1)]) == []

    kept = {"cleanup.policy": "compact", "compression.type": "uncompressed"}
    assert admin.altered == [("old", kept)]


async def test_a_topic_that_is_not_described_is_not_altered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = Admin(29, "not authorized", 2, "old", [])
    monkeypatch.setattr(topics, "AIOKafkaAdminClient", lambda **_: admin)

    with pytest.raises(StackError, match="does not describe topic old: not authorized"):
        await topics.create("any:1", [topics.Topic("old", 1)])
    assert admin.altered == []


def test_a_tenants_own_producers_get_a_topic_like_the_shared_one() -> None:
    tenants = topics.ingress_tenants({"GYRE_INGRESS_TENANTS": "acme, umbrella"})
    wanted = {topic.name: topic for topic in topics.wanted(tenants=tenants)}

    for tenant in ("acme", "umbrella"):
        own = wanted[f"feedback-given.{tenant}"]
        assert own.partitions == wanted["feedback-given"].partitions
        assert own.configs == wanted["feedback-given"].configs
