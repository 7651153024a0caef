"""Reads a suite that a person wrote, and says on which line it is wrong."""

from typing import Any, TypeAlias

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gyre_evaluation.suites.content import Suite
from gyre_service.errors import Rejected

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 10
MAX_MISTAKES = 5  # told at once

Path: TypeAlias = tuple[int | str, ...]
Lines: TypeAlias = dict[Path, int]


def read_suite(text: str, name: str = "") -> Suite:
    """Return the suite that `text` describes, in YAML 1.1.

    Every scalar is read as the text that stands there (`no` stays "no", `1,000` stays "1,000");
    anchors, aliases and tags have no use here and are refused or ignored.

    Args:
        text: The file.
        name: Of the suite, if the file has none.

    Raises:
        Rejected: With the line and the field of up to five mistakes.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise Rejected(f"a suite has at most {MAX_BYTES} bytes, write several", param="yaml")
    try:
        _check_shape(text)
        root = yaml.compose(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Rejected(f"{place}not YAML: {error.problem}", param="yaml") from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise Rejected(f"not YAML: {error}", param="yaml") from error
    lines: Lines = {}
    value = None if root is None else _value(root, (), lines)
    if not isinstance(value, dict):
        raise Rejected("a suite is a mapping of name, description and items", param="yaml")
    return _validated({"name": name, **value} if name else value, name, lines)


def _validated(value: dict[str, Any], name: str, lines: Lines) -> Suite:
    try:
        suite = Suite.model_validate(value)
    except ValidationError as error:
        all_ = error.errors()
        # A list whose every element is wrong is called too short as well.
        inner = {mistake["loc"][:end] for mistake in all_ for end in range(len(mistake["loc"]))}
        found = [mistake for mistake in all_ if mistake["loc"] not in inner]
        told = "; ".join(_told(mistake, lines) for mistake in found[:MAX_MISTAKES])
        rest = f"; and {len(found) - MAX_MISTAKES} more" if len(found) > MAX_MISTAKES else ""
        raise Rejected(told + rest, param="yaml") from error
    if name and suite.name != name:
        where = lines[("name",)]
        raise Rejected(f"line {where}, name: is {suite.name!r}, asked was for {name!r}")
    return suite


def _check_shape(text: str) -> None:
    """Refuse what would grow or recurse while it is read: aliases and deep nesting."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Rejected(
                f"line {_line(event)}: anchors and aliases are not allowed", param="yaml"
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Rejected(f"line {_line(event)}: nested deeper than {MAX_DEPTH}", param="yaml")


def _line(part: Any) -> int:
    """Return where an event or a node of YAML begins, counted from 1."""
    return int(part.start_mark.line) + 1


def _value(node: yaml.Node, path: Path, lines: Lines) -> Any:
    """Return what `node` holds, as text in lists and mappings; note where each part begins."""
    lines.setdefault(path, _line(node))
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, index), lines) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, child in node.value:
            line = _line(key)
            if not isinstance(key, yaml.ScalarNode):
                raise Rejected(f"line {line}: a key must be a word", param="yaml")
            if key.value in found:
                raise Rejected(f"line {line}: {key.value!r} is there twice", param="yaml")
            lines[(*path, key.value)] = line
            found[key.value] = _value(child, (*path, key.value), lines)
        return found
    return node.value


def _told(mistake: ErrorDetails, lines: Lines) -> str:
    path = mistake["loc"]
    known = path
    while known not in lines:  # what is missing has no line: that of its parent
        known = known[:-1]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    what = {
        "missing": "is missing",
        "extra_forbidden": "is not a field here",
        "tuple_type": "must be a list",
        "too_short": "needs at least one",
    }.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))
    return f"line {lines[known]}, {field.lstrip('.') or 'suite'}: {what}"
