"""Brings the tables of a database to what the models say."""

import logging
from typing import Any, NoReturn

from sqlalchemy import Column, Connection, Inspector, MetaData, Table, inspect, literal, text
from sqlalchemy.schema import CreateColumn, DefaultClause
from sqlmodel import SQLModel

from gyre_service.errors import Rejected

log = logging.getLogger(__name__)

LOCK = text("SELECT pg_advisory_xact_lock(7126511)")  # a number that nobody else locks
REMEDY = "move the rows by hand or by `gyre replay` (docs/guide/operating.md, Upgrading)"


def bring_up(connection: Connection, metadata: MetaData = SQLModel.metadata) -> None:
    """Make tables, columns and indexes that are missing, in the transaction of `connection`.

    A column is added if rows that are there can have it: it may be null, or has a plain default,
    which is then the database's too, so that a process of the last release can still write.

    Raises:
        Rejected: A table differs in more than that.
    """
    if connection.dialect.name == "postgresql":  # where two that create the same collide
        connection.execute(LOCK)
    inspector = inspect(connection)
    older = set(inspector.get_table_names()) & set(metadata.tables)
    metadata.create_all(connection)
    for name in sorted(older):
        _add_to(connection, inspector, metadata.tables[name])


def _add_to(connection: Connection, inspector: Inspector, table: Table) -> None:
    there = {column["name"]: column for column in inspector.get_columns(table.name)}
    key = set(inspector.get_pk_constraint(table.name)["constrained_columns"])
    wanted = {column.name for column in table.primary_key}
    if key != wanted:
        _refuse(table, f"the primary key {_names(key)}, not {_names(wanted)}")
    for name, column in there.items():
        unfilled = name not in table.columns or table.columns[name].nullable
        if unfilled and not column["nullable"] and column["default"] is None:
            _refuse(table, f"the column {name}, which wants a value that rows need not have now")
    for added in table.columns:
        if added.name not in there:
            _add(connection, added)
    indexes = {index["name"] for index in inspector.get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)


def _add(connection: Connection, wanted: Column[Any]) -> None:
    column = wanted._copy()
    default = getattr(wanted.default, "arg", None)
    if isinstance(default, str | int | float):
        column.server_default = DefaultClause(literal(default, wanted.type))
    elif not wanted.nullable:
        _refuse(wanted.table, f"no column {wanted.name}, for which its rows have no value")
    Table(wanted.table.name, MetaData(), column)  # how it is spelt depends on its table
    spelt = CreateColumn(column).compile(dialect=connection.dialect)
    table = connection.dialect.identifier_preparer.format_table(wanted.table)
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {spelt}")
    log.info("database: %s has the column %s now", wanted.table.name, wanted.name)


def _names(names: set[str]) -> str:
    return f"({', '.join(sorted(names))})"


def _refuse(table: Table, what: str) -> NoReturn:
    raise Rejected(f"database: {table.name} has {what}: {REMEDY}")
