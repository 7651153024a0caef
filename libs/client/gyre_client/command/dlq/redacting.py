"""Shows the shape of an event without what people wrote in it."""

import re
from typing import Any

from pydantic_core import from_json

# Names under which people, or those who quote them, write.
FREE = {
    "answer", "by", "comment", "content", "document", "edited_answer", "error", "examples",
    "explanation", "heading", "name", "nearest", "person", "prompt", "question", "reason", "text",
}  # fmt: skip
WORD = re.compile(r"[!-~]{1,80}")  # an id, a digest, a time, a choice: no text, no vector
MOST = 50  # members or items of one object or list


def redacted_payload(value: bytes | None) -> Any:
    """Return the JSON of `value` without free texts and persons, or None if it is no JSON.

    >>> redacted_payload(b'{"thumb": "up", "comment": "Ada says: rubbish", "score": 0.5}')
    {'thumb': 'up', 'comment': '(17 characters)', 'score': 0.5}
    """
    try:
        return _redacted(from_json(value or b"", allow_inf_nan=False), free=True)
    except ValueError:
        return None


def _redacted(value: Any, *, free: bool) -> Any:
    if isinstance(value, dict):
        return {
            _name(name): _redacted(member, free=name in FREE or not WORD.fullmatch(name))
            for name, member in list(value.items())[:MOST]
        } | _rest(len(value))
    if isinstance(value, list):
        shown = [_redacted(item, free=free) for item in value[:MOST]]
        return [*shown, f"({len(value) - MOST:,} more)"] if len(value) > MOST else shown
    if isinstance(value, str) and (free or not WORD.fullmatch(value)):
        return f"({len(value):,} characters)"
    return value


def _name(name: str) -> str:
    return name if WORD.fullmatch(name) else f"({len(name):,} characters)"


def _rest(members: int) -> dict[str, str]:
    return {"…": f"({members - MOST:,} more)"} if members > MOST else {}


def redacted_reason(reason: str) -> str:
    """Return why a record was parked without the values that a validation error quotes.

    >>> redacted_reason("not a UUID [type=uuid, input_value='Ada', input_type=str]")
    'not a UUID [type=uuid, input_value=…, input_type=str]'
    """
    return re.sub(r"input_value=.*?(?=, input_type=|\Z)", "input_value=…", reason, flags=re.DOTALL)
