"""The content-addressed form of examples and datasets. No I/O.

An example, and the manifest of a dataset, is canonical JSON; its SHA-256 is its name. An
export as JSON Lines is the examples in the manifest's order, each one's bytes on a line.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the one JSON text of `value`: sorted members, no blanks, UTF-8.

    For what we put in, that is RFC 8785 (JSON Canonicalization Scheme) but for the spelling
    of numbers, which is Python's shortest one that reads back the same.

    >>> canonical({"b": 1, "a": ["ü"]}).decode()
    '{"a":["ü"],"b":1}'
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(content: bytes) -> str:
    """Return the name of `content`: its SHA-256, hexadecimal.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def manifest(route: str, examples: Mapping[UUID, str]) -> bytes:
    """Return the manifest of a dataset: the same for the same examples, whatever their order.

    Args:
        route: Whose questions they answer.
        examples: The digest of each example, by its id.

    >>> manifest("default", {UUID(int=1): "ab"}).decode()
    '{"examples":[{"digest":"ab","id":"00000000-0000-0000-0000-000000000001"}],"route":"default"}'
    """
    rows = [{"id": str(id), "digest": examples[id]} for id in sorted(examples, key=str)]
    return canonical({"route": route, "examples": rows})
