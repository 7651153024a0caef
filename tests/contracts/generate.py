"""Writes `contracts/schemas` and `contracts/asyncapi.yaml` from the event classes.

Run by `make contracts`. Sources: CloudEvents 1.0 Kafka binding, section 3.2 (binary mode);
AsyncAPI 3.0.0 and its Kafka binding 0.5.0; JSON Schema 2020-12.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from .topics import CONTRACTS, Topic, event_of, topics

HEADERS: dict[str, tuple[bool, str]] = {
    "ce_specversion": (True, "always 1.0"),
    "ce_id": (True, "of the event; (tenant, source, id) is its identity, twice counts once"),
    "ce_source": (True, "who says so, as a URI reference; /gyre/... is for our own services"),
    "ce_type": (True, "gyre.<topic>"),
    "ce_time": (False, "RFC 3339; absent: when the record was appended"),
    "ce_subject": (False, "the thing it is about"),
    "ce_tenant": (False, "absent: default; on a topic <topic>.<tenant> the topic's name decides"),
    "ce_correlationid": (False, "id of the first event of the chain; absent: ce_id"),
    "ce_causationid": (False, "id of the event that caused this one"),
    "ce_dataref": (False, "where the bytes lie if they are too many for the event"),
    "content-type": (False, "application/json"),
    "traceparent": (False, "W3C trace context of this hop"),
}


def schema_of(topic: str) -> dict[str, Any]:
    """Return the JSON Schema of a topic's value."""
    schema = event_of(topic).model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI document of all topics."""
    known = topics()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Gyre",
            "version": "0.1.0",
            "description": "Every step of the loop, as CloudEvents 1.0 on Kafka in binary mode.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name, topic) for name, topic in known.items()},
        "operations": dict(
            operation for name, topic in known.items() for operation in _operations(name, topic)
        ),
        "components": {"messages": {name: _message(name, topic) for name, topic in known.items()}},
    }


def _channel(name: str, topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": [topic.cleanup]}
    if topic.retention_hours is not None:
        configuration["retention.ms"] = topic.retention_hours * 3_600_000
    return {
        "address": name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "topic": name,
                "partitions": topic.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(name: str, topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{name}"}
    sends = [
        (f"{who.replace(' ', '-')}-sends-{name}", {"action": "send", "channel": channel})
        for who in topic.producers
    ]
    receives = [
        (
            f"{who}-receives-{name}",
            {
                "action": "receive",
                "channel": channel,
                "bindings": {
                    "kafka": {
                        "groupId": {"type": "string", "enum": [who]},
                        "bindingVersion": "0.5.0",
                    }
                },
            },
        )
        for who in topic.consumers
    ]
    return sends + receives


def _message(name: str, topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.event,
        "title": topic.event,
        "summary": topic.description,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": [header for header, (required, _) in HEADERS.items() if required],
            "properties": {
                header: {"type": "string", "description": text}
                | ({"const": f"gyre.{name}"} if header == "ce_type" else {})
                for header, (_, text) in HEADERS.items()
            },
        },
        "payload": {"$ref": f"./schemas/{name}.json"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"<tenant>/<{topic.key}>"},
                "bindingVersion": "0.5.0",
            }
        },
    }


def documents() -> dict[Path, str]:
    """Return what the generated files should hold."""
    files = {
        CONTRACTS / "schemas" / f"{name}.json": json.dumps(schema_of(name), indent=2) + "\n"
        for name in topics()
    }
    text = yaml.safe_dump(asyncapi(), sort_keys=False, width=100, allow_unicode=True)
    files[CONTRACTS / "asyncapi.yaml"] = f"# Written by `make contracts`.\n{text}"
    return files


if __name__ == "__main__":
    for path, text in documents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        sys.stdout.write(f"{path.relative_to(CONTRACTS.parent)}\n")
