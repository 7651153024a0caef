"""What every service owes, whoever wrote it: found by looking, not from a list."""

import ast
import importlib
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from faststream import AckPolicy
from faststream.kafka.subscriber.usecase import DefaultSubscriber
from pydantic import ValidationError
from sqlalchemy import Table
from sqlmodel import SQLModel

from gyre_events import TOPICS, Event
from gyre_service import settings as kit
from gyre_service.kafka.in_order import TOGETHER
from gyre_service.kafka.rebalance import FinishFirst
from gyre_service.settings import ServiceSettings

from .services import (
    ROOT,
    SERVICES,
    all_settings,
    events_of_tables,
    made,
    package_of,
    settings_of,
    sources,
    subscribers,
    tree,
)
from .topics import topics

CONSUMERS = [(service, each) for service in SERVICES for each in subscribers(service)]
every_service = pytest.mark.parametrize("service", SERVICES)
every_consumer = pytest.mark.parametrize(
    ("service", "consumer"), CONSUMERS, ids=[f"{s}/{c.topic_names[0]}" for s, c in CONSUMERS]
)
NOT_DERIVED = {"uuid1", "uuid4", "uuid7", "new_id", "random", "secrets"}
READS_ENVIRONMENT = {"os.getenv", "getenv", "os.environ.get", "environ.get"}
# Rows of a tenant that are found before it is known, or by their place in one order of all.
KEYED_OTHERWISE = {"outbox", "gateway_change", "gateway_key"}


def test_every_folder_is_a_service_of_the_stack() -> None:
    folders = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}

    assert set(SERVICES) == folders == set(kit.SERVICES)


@every_consumer
def test_a_consumer_loses_nothing(service: str, consumer: Any) -> None:
    assert type(consumer) is DefaultSubscriber, "one record at a time, one worker"
    assert consumer.ack_policy is AckPolicy.NACK_ON_ERROR
    assert consumer._no_reply, "a header would say where its results go"
    assert consumer.group_id == service
    options = consumer._connection_args
    assert options["auto_offset_reset"] == "earliest"
    assert options["enable_auto_commit"] is False
    assert options["rebalance_timeout_ms"] == 60_000
    assert options["session_timeout_ms"] == 3 * options["heartbeat_interval_ms"] == 6_000
    assert isinstance(consumer._listener, FinishFirst)
    assert consumer._listener.subscriber is consumer


@every_consumer
def test_topics_that_are_taken_as_one_are_partitioned_alike(service: str, consumer: Any) -> None:
    if consumer._connection_args["partition_assignment_strategy"] is TOGETHER:
        alike = {(topics()[name].partitions, topics()[name].key) for name in consumer.topic_names}
        assert len(alike) == 1


@every_consumer
def test_every_topic_of_a_consumer_has_a_handler_of_its_event(service: str, consumer: Any) -> None:
    handled: dict[str, int] = {}
    for call in consumer.calls:
        parameters = signature(call.handler._original_call).parameters.values()
        [event] = [
            p.annotation
            for p in parameters
            if isinstance(p.annotation, type) and issubclass(p.annotation, Event)
        ]
        handled[event.topic] = handled.get(event.topic, 0) + 1

    read = {name.partition(".")[0] for name in consumer.topic_names}
    assert handled == dict.fromkeys(read, 1)


@every_service
def test_the_contracts_name_who_reads_a_topic(service: str) -> None:
    subscribed = {name for each in subscribers(service) for name in each.topic_names}
    by_class = {event.__name__: name for name, event in TOPICS.items()}
    tables = {by_class[name] for name in events_of_tables(service)}
    # Who alone writes a topic may read it back.
    tables = {name for name in tables if topics()[name].producers != [service]}

    named = {name for name, topic in topics().items() if service in topic.consumers}
    assert subscribed | tables == named


@every_service
def test_events_come_through_the_kit_alone(service: str) -> None:
    for path in sources(service):
        for node in ast.walk(tree(path)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            foreign = [m for m in modules if m.startswith(("aiokafka", "faststream.kafka"))]
            assert foreign == [], f"{_short(path)}:{getattr(node, 'lineno', 0)}"


@every_service
def test_settings_are_frozen_and_all_begin_with_gyre(service: str) -> None:
    settings = settings_of(service)

    assert issubclass(settings, ServiceSettings)
    assert settings.model_fields["service"].default == service
    with pytest.raises(ValidationError, match="frozen"):
        made(settings).log_level = "DEBUG"  # type: ignore[misc]
    assert settings.model_config["env_prefix"] == "GYRE_"
    renamed = [n for n, f in settings.model_fields.items() if f.validation_alias or f.alias]
    assert renamed == [], "an alias is read without the prefix"


def test_no_other_class_reads_the_environment() -> None:
    assert set(all_settings()) == {ServiceSettings, *(settings_of(each) for each in SERVICES)}


@every_service
def test_nothing_else_reads_the_environment(service: str) -> None:
    for path in sources(service):
        for node in ast.walk(tree(path)):
            where = f"{_short(path)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                assert ast.unparse(node.value) not in ("os.environ", "environ"), where
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in READS_ENVIRONMENT, where


@every_service
def test_handlers_leave_errors_to_the_kit(service: str) -> None:
    for name in ("handlers.py", "servicer.py"):
        path = package_of(service) / name
        for node in ast.walk(tree(path)) if path.exists() else ():
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                translated = isinstance(node.body[-1], ast.Raise)
                # Wrong input may become an event that says so.
                told = name == "handlers.py" and caught == "Rejected"
                assert translated or told, f"{_short(path)}:{node.lineno} keeps {caught}"


@every_service
def test_a_handler_is_one_transaction_and_publishes_after_it(service: str) -> None:
    path = package_of(service) / "handlers.py"
    for function in functions(path) if path.exists() else ():
        where = f"{_short(path)}:{function.lineno}"
        begun = [node for node in ast.walk(function) if _is_transaction(node)]
        repeated = [
            inner
            for node in ast.walk(function)
            if isinstance(node, ast.For | ast.AsyncFor | ast.While)
            for inner in ast.walk(node)
            if _is_transaction(inner)
        ]
        assert len(begun) <= 1, f"{where}: what the first one wrote stays if the second one fails"
        assert repeated == [], where
        for node in begun:
            calls = [ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
            published = [name for name in calls if name.rpartition(".")[2] == "publish"]
            assert published == [], f"{where}: {published} before it is true"


def _is_transaction(node: ast.AST) -> bool:
    return isinstance(node, ast.AsyncWith) and any(
        isinstance(item.context_expr, ast.Call)
        and ast.unparse(item.context_expr.func) == "transaction"
        for item in node.items
    )


def functions(path: Path) -> list[ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.AsyncFunctionDef)]


@every_service
def test_handlers_make_no_id_that_a_replay_would_make_anew(service: str) -> None:
    path = package_of(service) / "handlers.py"
    names = {
        name: node
        for node in (ast.walk(tree(path)) if path.exists() else ())
        for name in _names(node)
    }

    assert NOT_DERIVED & names.keys() == set(), f"{_short(path)}: use derived_id"


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return [node.id] if isinstance(node, ast.Name) else []


@every_service
def test_a_tenant_is_part_of_every_row(service: str) -> None:
    for module in ("app", "runner"):
        if (package_of(service) / f"{module}.py").exists():
            importlib.import_module(f"gyre_{service}.{module}")
    for mapper in SQLModel._sa_registry.mappers:
        if mapper.class_.__module__.startswith((f"gyre_{service}.", "gyre_service.")):
            table = mapper.local_table
            assert isinstance(table, Table)
            name, key = table.name, {column.name for column in table.primary_key}
            assert name in ("outbox", "seen") or name.startswith(f"{service}_"), name
            assert "tenant" in key or name in KEYED_OTHERWISE, name
            assert "tenant" in table.columns or name == "outbox", name


def test_every_program_is_a_service_by_the_same_main() -> None:
    for path in ROOT.glob("services/*/gyre_*/*.py"):
        if path.name in ("__main__.py", "runner.py"):
            assert "main(Settings, make_" in path.read_text(), _short(path)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
