"""Writes to the terminal what others wrote: documents and models may hold anything."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence

import typer
from pydantic import BaseModel
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 1000  # columns where there is no terminal: a table in a file is not cut

LONG = ("name", "reason", "prompt", "question", "answer", "description")


def printable(text: str) -> str:
    r"""Return `text` without control characters, which could rewrite the terminal.

    >>> printable("a\x1b[2Jb\tc")
    'a[2Jb\tc'
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def screen(err: bool = False) -> Console:
    """Return a console on what is stdout, or stderr, at this moment."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(stderr=err, width=width, markup=False, highlight=False, emoji=False)


def say(text: str = "", style: str | None = None) -> None:
    """Write a line; a terminal wraps it, nobody else does."""
    screen().print(Text(printable(text), style=style or ""), soft_wrap=True)


def stream(text: str) -> None:
    """Write part of a line, at once."""
    typer.echo(printable(text), nl=False)


def as_json(value: object) -> None:
    """Write `value`, results in it too, as one JSON object."""
    shown = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    typer.echo(to_json(shown, indent=2).decode())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Write rows under their columns, or `empty` if there are none."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # On a narrow terminal the long texts give way; what is pasted again stays whole.
        drawn.add_column(column, overflow="fold", no_wrap=column not in LONG)
    for row in rows:
        drawn.add_row(*(Text(_cell(value)) for value in row))
    if drawn.row_count:
        screen().print(drawn)
    else:
        say(empty)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    return printable(str(value)).replace("\n", " ")


def first_line(text: str, length: int = 100) -> str:
    """Return the beginning of `text` in one line.

    >>> first_line("a  long story", length=8)
    'a long…'
    """
    flat = " ".join(text.split())
    if len(flat) <= length:
        return flat
    return flat[: length - 1].rstrip() + "…"
