"""Answers in a form of the caller's: JSON that a schema allows."""

import json
from collections.abc import Iterator
from typing import Any

from gyre_service.errors import Rejected

MAX_CHARS = 32_768
MAX_DEPTH = 32
# The engine's grammars pass over these without a word: an answer could break them.
_IGNORED = ("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies")
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions")  # of schemas
_DATA = ("enum", "const", "default", "examples")


def checked_schema(text: str) -> str:
    """Return a JSON Schema, of which the engine alone knows whether it can follow it.

    Args:
        text: A schema as JSON.

    Raises:
        Rejected: It is too long or too deep, no JSON object, or says what the engine ignores.
    """
    if len(text) > MAX_CHARS:
        raise _wrong(f"has {len(text)} characters, at most {MAX_CHARS}")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"is no JSON: {error}") from error
    if not isinstance(schema, dict):
        raise _wrong(f"is {text[:40]!r}, expected a JSON object such as {{'type': 'object'}}")
    if _deeper_than(MAX_DEPTH, schema):
        raise _wrong(f"has objects or lists in each other, at most {MAX_DEPTH} levels")
    if ignored := next(_ignored_in(schema), None):
        raise _wrong(f"has {ignored}, which is not supported: leave it out")
    return text


def texts_in(answer: str) -> str:
    """Return the texts of a JSON answer, one a line: its numbers and names say nothing to people.

    An answer that was cut off is no JSON, and has none.

    >>> texts_in('{"colour": "Blue [1]", "years": [1, 2]}')
    'Blue [1]'
    """
    try:
        return "\n".join(_texts(json.loads(answer)))
    except (ValueError, RecursionError):
        return ""


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _texts(one)
        case dict():
            yield from _texts(list(value.values()))


def _ignored_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for one in schema:
            yield from _ignored_in(one)
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in _IGNORED:
            yield repr(keyword)
        elif keyword == "allOf" and isinstance(value, list) and len(value) > 1:
            yield "'allOf' of more than one schema"
        elif keyword == "$ref" and not str(value).startswith("#"):
            yield f"'$ref' to {str(value)[:40]!r}"
        elif keyword in _BY_NAME and isinstance(value, dict):
            yield from _ignored_in(list(value.values()))
        elif keyword not in _DATA:
            yield from _ignored_in(value)


def _deeper_than(levels: int, value: Any) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(levels - 1, one) for one in inside)


def _wrong(what: str) -> Rejected:
    return Rejected(f"json_schema {what}", param="json_schema")
