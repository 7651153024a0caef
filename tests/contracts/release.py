"""Freezes the contracts as those of a release, and says what would break who was built for it.

Run by `make release-contracts`. An event only ever gets new fields with a default, so that both
directions hold: last release's consumer beside this producer, and this consumer beside last
release's producer. Anything else is a new event on a new topic.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .topics import CONTRACTS, Topic

RELEASED = CONTRACTS / "released"
IMAGE = RELEASED / "proto.binpb"
FOLDERS = ("examples", "schemas", "topics")
WORDS = {"title", "description"}  # say, and bind nobody
FIXED = ("event", "key", "partitions", "cleanup")


def freeze() -> None:
    """Write `contracts/released` anew."""
    if RELEASED.exists():
        shutil.rmtree(RELEASED)
    for folder in FOLDERS:
        shutil.copytree(CONTRACTS / folder, RELEASED / folder)
    subprocess.run(["buf", "build", "--output", IMAGE], cwd=CONTRACTS.parent, check=True)


def breaks_of_topic(released: Topic, current: Topic) -> list[str]:
    """Return what may never change in the life of a topic, and did."""
    return [
        f"{field} was {getattr(released, field)!r}, is {getattr(current, field)!r}"
        for field in FIXED
        if getattr(released, field) != getattr(current, field)
    ]


def breaks_of_schema(released: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """Return what stops the consumers or the producers of a release, each with its place.

    Args:
        released: JSON Schema of a topic's value at the release.
        current: The same topic's, now.
    """
    return list(_compared(_inlined(released, released), _inlined(current, current), "value"))


def _inlined(part: Any, whole: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(each, whole) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = whole["$defs"][part["$ref"].removeprefix("#/$defs/")]
        part = target | {key: value for key, value in part.items() if key != "$ref"}
    return {key: _inlined(value, whole) for key, value in part.items() if key != "$defs"}


def _compared(old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[str]:
    for key in sorted((old.keys() | new.keys()) - WORDS):
        was, now = old.get(key), new.get(key)
        if key == "properties":
            yield from _properties(was or {}, now or {}, at)
        elif key == "required":
            for name in sorted(set(was or ()) - set(now or ())):
                yield f"{at}.{name} may be missing now, and consumers of the release need it"
            for name in sorted(set(now or ()) - set(was or ())):
                yield f"{at}.{name} is required now, and producers of the release may not send it"
        elif isinstance(was, dict) and isinstance(now, dict):
            if key == "default":  # of a part, which may have got fields
                now = _known(was, now)
            yield from _compared(was, now, f"{at}.{key}")
        elif _alternatives(was, now):
            for number, (one, other) in enumerate(zip(was or (), now or (), strict=True)):
                yield from _compared(one, other, f"{at}.{key}[{number}]")
        elif was != now:
            yield f"{at}: {key} was {json.dumps(was)}, is {json.dumps(now)}"


def _known(was: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return a default without what the release did not have in it."""
    both = {key: (was[key], value) for key, value in now.items() if key in was}
    return {
        key: _known(old, new) if isinstance(old, dict) and isinstance(new, dict) else new
        for key, (old, new) in both.items()
    }


def _properties(was: dict[str, Any], now: dict[str, Any], at: str) -> Iterator[str]:
    for name, schema in was.items():
        if name in now:
            yield from _compared(schema, now[name], f"{at}.{name}")
        else:
            yield f"{at}.{name} is gone"


def _alternatives(was: Any, now: Any) -> bool:
    return (
        isinstance(was, list)
        and isinstance(now, list)
        and len(was) == len(now)
        and all(isinstance(each, dict) for each in [*was, *now])
    )


def released_files(folder: str, pattern: str) -> list[Path]:
    """Return the files of a released folder, by name.

    Raises:
        FileNotFoundError: Nothing was released, which would let every comparison pass.
    """
    files = sorted((RELEASED / folder).glob(pattern))
    if not files:
        raise FileNotFoundError(f"{RELEASED / folder} has no {pattern}: run make release-contracts")
    return files


if __name__ == "__main__":
    freeze()
    sys.stdout.write(f"{RELEASED.relative_to(CONTRACTS.parent)} holds the contracts of now\n")
