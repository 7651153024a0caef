"""Finds every service and what it is made of: nobody has to list a new one."""

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from faststream.kafka.subscriber.usecase import DefaultSubscriber
from pydantic_settings import BaseSettings

from gyre_service.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parents[1].name for path in ROOT.glob("services/*/gyre_*/app.py"))
# What no service can start without, and no default is right for.
REQUIRED: dict[str, Any] = {
    "model_name": "reference",
    "model_path": "unread",
    "model_digest": "0" * 64,
}


def package_of(service: str) -> Path:
    return ROOT / "services" / service / f"gyre_{service}"


def sources(service: str) -> list[Path]:
    return sorted(package_of(service).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def settings_of(service: str) -> type[ServiceSettings]:
    found: type[ServiceSettings] = importlib.import_module(f"gyre_{service}.settings").Settings
    return found


def made(settings: type[ServiceSettings]) -> ServiceSettings:
    """Return settings that a service starts with."""
    return settings(**{name: REQUIRED[name] for name in settings.model_fields if name in REQUIRED})


@cache
def subscribers(service: str) -> tuple[DefaultSubscriber, ...]:
    """Return the consumers of a service as `python -m gyre_<service>` would start them."""
    app = importlib.import_module(f"gyre_{service}.app").make_app(made(settings_of(service)))
    return tuple(app.broker.subscribers)


def events_of_tables(service: str) -> set[str]:
    """Return the names of the event classes whose topics a service reads as tables."""
    return {
        node.args[0].id
        for path in sources(service)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "table" and isinstance(node.args[0], ast.Name)
    }


def all_settings(base: type[BaseSettings] = BaseSettings) -> Iterator[type[BaseSettings]]:
    """Return every class of ours that reads the environment, once the services are imported."""
    for each in base.__subclasses__():
        if each.__module__.startswith("gyre_"):
            yield each
        yield from all_settings(each)
