"""A record that a service parked: what it was, and why and where from."""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka import ConsumerRecord
from pydantic import AwareDatetime, BaseModel, ValidationError

from gyre_client.command.dlq.redacting import redacted_payload, redacted_reason
from gyre_client.command.screen import first_line

Record: TypeAlias = ConsumerRecord[bytes, bytes]
Headers: TypeAlias = list[tuple[str, bytes | None]]

SUFFIX = "-dlq"
FIRST = "dlq_reason"  # of the headers that a service appends when it parks


class Origin(BaseModel):
    """What a service says of a record that it parked."""

    reason: str
    exception: str = ""
    attempts: int
    topic: str
    partition: int
    offset: int
    group: str = ""
    at: AwareDatetime


@dataclass(frozen=True)
class DeadLetter:
    """A record of a dead letter topic."""

    record: Record
    headers: Headers  # those it came with
    origin: Origin | None  # None: no service of ours parked it

    @classmethod
    def of(cls, record: Record) -> "DeadLetter":
        """Tell the headers that it came with from those that say why it was parked.

        Only the last ones are ours: who sent it may have written the same names.
        """
        headers = list(record.headers)
        firsts = [place for place, (name, _) in enumerate(headers) if name == FIRST]
        start = firsts[-1] if firsts else len(headers)
        said = {name.removeprefix("dlq_"): _text(value) for name, value in headers[start:]}
        try:
            origin = Origin.model_validate(said)
        except ValidationError:
            return cls(record, headers, None)
        return cls(record, headers[:start], origin)

    @property
    def id(self) -> str:
        return f"{self.record.partition}-{self.record.offset}"

    @property
    def service(self) -> str:
        return str(self.record.topic).removesuffix(SUFFIX)

    @property
    def reason(self) -> str:
        return self.origin.reason if self.origin else ""

    def summary(self) -> dict[str, Any]:
        """Return what tells it apart: nothing of its payload."""
        said, origin = dict(self.headers), self.origin
        # An ingress topic, `<topic>.<tenant>`, says itself whose it is.
        owner = origin.topic.partition(".")[2] if origin else ""
        return {
            "service": self.service,
            "id": self.id,
            "parked_at": origin.at if origin else None,
            "topic": origin.topic if origin else None,
            "partition": origin.partition if origin else None,
            "offset": origin.offset if origin else None,
            "reason": redacted_reason(self.reason),
            "attempts": origin.attempts if origin else None,
            "event_id": _short(said.get("ce_id")),
            "event_type": _short(said.get("ce_type")),
            "tenant": owner or _short(said.get("ce_tenant")) or "default",
        }

    def whole(self, *, payload: bool) -> dict[str, Any]:
        """Return all of it; the payload, long headers and quotes of it in full if wanted."""
        record, shown = self.record, _whole if payload else _first
        return self.summary() | {
            "reason": self.reason if payload else redacted_reason(self.reason),
            "exception": self.origin.exception if self.origin else None,
            "group": self.origin.group if self.origin else None,
            "key": shown(record.key),
            "headers": [{"name": name, "value": shown(value)} for name, value in self.headers],
            "bytes": None if record.value is None else len(record.value),
            "payload": _whole(record.value) if payload else redacted_payload(record.value),
        }


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _short(value: bytes | None) -> str | None:
    return None if value is None else first_line(_text(value))


def _whole(value: bytes | None) -> str | dict[str, str] | None:
    """Return the text, or what is no text as base64."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value or b"").decode()}


def _first(value: bytes | None) -> str | dict[str, str] | None:
    shown = _whole(value if value is None else value[:300])
    if value is None or len(value) <= 300:
        return shown
    return f"{_text(value[:300])}… {len(value):,} bytes"


def parse_id(id: str) -> tuple[int, int] | None:
    """Return the partition and offset that an id means.

    >>> parse_id("0-17")
    (0, 17)
    """
    match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,18})", id)
    return (int(match[1]), int(match[2])) if match else None
