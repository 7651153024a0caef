"""What `gyre dlq` makes of a record; that it does it on a real Kafka is in tests/delivery."""

import json
import socket
from collections.abc import Callable

import pytest
from aiokafka import ConsumerRecord
from typer.testing import Result

from gyre_client import GyreError
from gyre_client.address import kafka_servers
from gyre_client.command.dlq import queues
from gyre_client.command.dlq.letters import DeadLetter, Headers
from gyre_client.command.dlq.redacting import redacted_payload

Run = Callable[..., Result]
ORIGIN: Headers = [
    ("dlq_reason", b"[type=x, input_value='Ada\nL', input_type=str]"),
    ("dlq_exception", b"builtins.ValueError"),
    ("dlq_attempts", b"4"),
    ("dlq_topic", b"feedback-given.acme"),
    ("dlq_partition", b"2"),
    ("dlq_offset", b"17"),
    ("dlq_group", b"feedback"),
    ("dlq_at", b"2026-01-31T12:00:00+00:00"),
]


def letter(value: bytes | None, headers: Headers, key: bytes | None = b"k") -> DeadLetter:
    return DeadLetter.of(
        ConsumerRecord(
            topic="feedback-dlq",
            partition=0,
            offset=3,
            timestamp=0,
            timestamp_type=0,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=tuple(headers),
        )
    )


def test_only_the_headers_that_the_service_appended_are_taken_off() -> None:
    own: Headers = [("dlq_reason", b"sent so"), ("ce_id", None), ("dlq_offset", b"\xff")]

    found = letter(b"{}", [*own, *ORIGIN, ("dlq_of_tomorrow", b"1")])

    assert found.headers == own
    assert found.origin is not None
    assert (found.origin.topic, found.origin.offset) == ("feedback-given.acme", 17)
    assert found.summary()["tenant"] == "acme"
    assert found.summary()["reason"] == "[type=x, input_value=…, input_type=str]"
    assert "Ada" in found.whole(payload=True)["reason"]


@pytest.mark.parametrize("headers", [[], ORIGIN[:3], [*ORIGIN[:-1], ("dlq_at", b"\xff")]])
def test_what_no_service_parked_is_still_listed(headers: Headers) -> None:
    found = letter(b"{}", headers)

    assert found.origin is None
    assert found.headers == headers
    assert found.summary()["id"] == "0-3"


def test_everything_can_be_shown_as_json() -> None:
    for value in (None, b"", b"\xff", b"x" * 5000, b'{"a": NaN}', b"9" * 5000):
        for payload in (False, True):
            found = letter(value, [("n", b"\xff"), ("n", b"y" * 5000)], key=value)
            whole = found.whole(payload=payload)
            json.dumps(whole, default=str)
            assert len(str(whole["headers"])) > 5000 or not payload
            assert len(str(whole["headers"])) < 500 or payload


def test_a_payload_without_texts_keeps_its_shape() -> None:
    event = {
        "answer_id": "01900000-0000-7000-8000-000000000001",
        "person": "ada",
        "passages": [{"text": "30 days", "score": 0.5, "page": None}],
        "examples": ["one", "two"],
        "Ada Lovelace": "her",
        "vector": "A" * 2000,
        "refused": False,
        "many": list(range(1000)),
    }

    shown = redacted_payload(json.dumps(event).encode())

    assert shown["answer_id"] == event["answer_id"]
    assert shown["person"] == "(3 characters)"
    assert shown["passages"] == [{"text": "(7 characters)", "score": 0.5, "page": None}]
    assert shown["examples"] == ["(3 characters)"] * 2
    assert shown["(12 characters)"] == "(3 characters)"
    assert shown["vector"] == "(2,000 characters)"
    assert shown["refused"] is False
    assert shown["many"][-1] == "(950 more)"


@pytest.mark.parametrize("value", [b"", None, b"{", b"\xff", b"[" * 100_000, b'"\\ud800"', b"NaN"])
def test_what_is_no_json_is_not_shown(value: bytes | None) -> None:
    assert redacted_payload(value) is None


@pytest.mark.parametrize(
    ("variables", "servers"),
    [
        ({}, "127.0.0.1:8002"),
        ({"GYRE_PORT_BASE": "8300"}, "127.0.0.1:8302"),
        ({"GYRE_URL": "http://localhost:8300"}, "127.0.0.1:8302"),
        ({"GYRE_URL": "https://gyre.example", "GYRE_KAFKA_SERVERS": "a:1,[::1]:2"}, "a:1,[::1]:2"),
    ],
)
def test_the_environment_says_which_kafka(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], servers: str
) -> None:
    for name in ("GYRE_URL", "GYRE_PORT_BASE", "GYRE_KAFKA_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert kafka_servers() == servers


@pytest.mark.parametrize(
    "variables", [{"GYRE_URL": "https://gyre.example"}, {"GYRE_KAFKA_SERVERS": "kafka"}]
)
def test_another_machines_kafka_is_never_guessed(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.delenv("GYRE_KAFKA_SERVERS", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(GyreError, match="GYRE_KAFKA_SERVERS"):
        kafka_servers()


def test_a_kafka_that_is_away_or_silent_is_one_line(
    gyre: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (1, silent.getsockname()[1]):
            monkeypatch.setenv("GYRE_KAFKA_SERVERS", f"127.0.0.1:{port}")
            result = gyre("dlq", "list")
            assert result.exit_code == 2
            assert result.stderr == (
                f"gyre: Kafka does not answer at 127.0.0.1:{port}: "
                "start it with `make up`, or set GYRE_KAFKA_SERVERS\n"
            )


@pytest.mark.parametrize("args", [[], ["0-1", "--all"], ["0-1", "--reason", "x"]])
def test_a_redrive_wants_ids_or_a_choice(gyre: Run, args: list[str]) -> None:
    result = gyre("dlq", "redrive", "feedback", *args)

    assert result.exit_code == 2
    assert "--all" in result.stderr
