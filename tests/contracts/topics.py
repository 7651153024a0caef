"""Reads `contracts/topics`, the one place that says which topics there are."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from gyre_events import TOPICS, Event

CONTRACTS = Path(__file__).parents[2] / "contracts"


class Topic(BaseModel):
    """One file of `contracts/topics`, strictly: a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid")

    description: str
    event: str
    key: str
    producers: list[str]
    consumers: list[str]
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_hours: int | None = None
    max_message_bytes: int | None = None


def topics() -> dict[str, Topic]:
    """Return every topic by its name, in the order of names."""
    files = sorted((CONTRACTS / "topics").glob("*.yaml"))
    return {file.stem: Topic.model_validate(yaml.safe_load(file.read_text())) for file in files}


def event_of(topic: str) -> type[Event]:
    return TOPICS[topic]
